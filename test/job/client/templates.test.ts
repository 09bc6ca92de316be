// @module-tag nightly
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Corral } from '../../../src/client/index.ts';
import { python } from '../../support/clients/python.ts';
import { hasDocker, removeBuiltImages } from '../../support/sandboxes/docker.ts';
import { serverProgram } from '../../support/servers/built-server.ts';
import { outcomeOf } from '../../support/servers/program-outcome.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

// The command and the Python client build Dockerfiles on Docker, and boxes of the typed client start from them.
const docker = await hasDocker();
const token = 'the-token-of-these-tests';
const root = join(import.meta.dirname, '../../..');
const dockerfile = `FROM corral/sandbox
ARG GREETING=hello
ENV PATH=/opt/tools:$PATH
COPY tools/*.sh /opt/tools/
RUN chmod +x /opt/tools/greet.sh && echo "$GREETING of the build" > /greeting
`;

describe.skipIf(!docker)(docker ? 'built templates' : 'built templates: skipped, no Docker', () => {
  let server: ServerProcess;
  const folder = temporaryFolder();
  beforeAll(async () => {
    server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_BUILDS_ALLOW: 'on', CORRAL_TOKEN: token });
    await mkdir(join(folder.path, 'tools'));
    await writeFile(join(folder.path, 'tools/greet.sh'), '#!/bin/sh\ncat /greeting\n');
    await writeFile(join(folder.path, 'tools/secret.sh'), 'never sent\n');
    await writeFile(join(folder.path, '.dockerignore'), 'tools/secret.sh\n');
    await writeFile(join(folder.path, 'Dockerfile'), dockerfile);
  });
  afterAll(async () => {
    const instance = (await readFile(join(server.data, 'instance'), 'utf8')).trim();
    await server[Symbol.asyncDispose]();
    await removeBuiltImages(instance);
    folder[Symbol.dispose]();
  });

  const ran = (program: string, args: readonly string[], more: Record<string, string> = {}) => {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, CORRAL_URL: server.url, CORRAL_TOKEN: token, ...more };
    return outcomeOf(program, args, { env, cwd: folder.path, timeout: 240_000 });
  };
  const corral = (...args: string[]) =>
    ran(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, serverProgram()), ...args]);
  const seen = async (built: string, command: string) => {
    await using box = await new Corral({ url: server.url, token }).create({ built });
    return (await box.exec(command)).stdout;
  };

  test('corral template build prints its log, and a box begins with the template', async () => {
    const { code, out, err } = await corral(
      'template',
      'build',
      '--tag',
      'tools:v1',
      '--arg',
      'GREETING=good day',
      '.',
    );
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringMatching(/\[5\/7\]|COPY tools/) });
    expect(out).toMatch(/^tpl-\w+ {2}tools:v1 {2}\S+\n$/);
    expect(await seen('tools:v1', 'greet.sh; ls /opt/tools')).toBe('good day of the build\ngreet.sh\n');
    expect((await corral('template')).out).toMatch(/tools .*v1/);
    expect(await corral('template', 'tag', 'tools', 'stable', '--from', 'v1')).toMatchObject({
      ...{ code: 0, out: expect.stringMatching(/tools .*stable/) },
    });
    expect((await corral('template', 'builds', 'tools')).out).toMatch(/ready/);
  });

  test('a step that fails ends the command with 1 and its number', async () => {
    await writeFile(join(folder.path, 'Broken'), `${dockerfile}RUN echo before; exit 3\n`);
    const { code, err } = await corral('template', 'build', '--tag', 'tools:v2', '--file', 'Broken');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringMatching(/before\n[\s\S]*exit code 3/) });
    const bad = await corral('template', 'build', '--tag', 'tools:v2', '--file', 'Missing');
    expect(bad).toMatchObject({ code: 2, err: expect.stringMatching(/There is no/) });
  });

  test('the Python client builds too', async () => {
    const program = `
from pathlib import Path
from corral import Corral
corral = Corral()
lines = []
built = corral.build_template("of-python", Path("Dockerfile").read_text(), folder=".", on_log=lambda one: lines.append(one.text))
print(built.status, built.tags, any("COPY" in line for line in lines))
with corral.new(built="of-python") as box:
    print(box.exec("greet.sh").stdout, end="")
`;
    const { code, out, err } = await ran(await python(), ['-c', program], {
      PYTHONPATH: join(root, 'clients/python/src'),
    });
    expect({ code, err, out }).toEqual({ code: 0, err: '', out: "ready ['default'] True\nhello of the build\n" });
  });

  test('delete ends what begins with it', async () => {
    expect((await corral('template', 'delete', 'tools')).code).toBe(0);
    await expect(new Corral({ url: server.url, token }).create({ built: 'tools:v1' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
