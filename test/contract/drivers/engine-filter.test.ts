// @module-tag all
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSandboxBody } from '../../../drivers/docker/create-body.ts';
import { createDockerDriver } from '../../../drivers/docker/docker.ts';
import { startEngineFilter } from '../../../drivers/docker/filter/filter.ts';
import { openSocketFolders } from '../../../drivers/docker/filter/owned-folders.ts';
import { createSandboxLabels } from '../../../drivers/docker/labels.ts';
import type { Driver, Pausable } from '../../../drivers/driver.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { askDaemon, testSpec } from '../../support/conformance/harness.ts';
import {
  type DockerHarness,
  docker,
  dockerHarness,
  dockerHost,
  hasDocker,
  testImage,
} from '../../support/sandboxes/docker.ts';

const hasEngine = await hasDocker();
const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) });

describe.skipIf(!hasEngine)('through the engine filter', () => {
  let harness: DockerHarness;
  let folder: string;
  let filter: AsyncDisposable;
  let listen: string;
  let socketsDir: string;
  const refused: string[] = [];

  beforeAll(async () => {
    harness = await dockerHarness();
    await using driver = await harness.connect();
    const spec = testSpec(testImage);
    await driver.provision(spec, within(300_000)); // builds the image, because the filter refuses builds
    await driver.destroy(spec.id, 'remove', within(60_000));
    folder = await mkdtemp(join(tmpdir(), 'corral-filter-'));
    listen = join(folder, 'engine.sock');
    const { instance, users = { first: 0, last: 0 } } = harness.options();
    const folders = await openSocketFolders(join(folder, 's'));
    socketsDir = folders.root;
    const engine = dockerHost.replace('unix://', '');
    const onRefused = (what: string) => void refused.push(what);
    filter = await startEngineFilter({ engine, listen, instance, users, folders, onRefused });
  });
  afterAll(async () => {
    await filter?.[Symbol.asyncDispose]();
    await harness?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const responseTo = async (method: string, path: string, body?: unknown) => {
    const call = request({ socketPath: listen, method, path, headers: { 'content-type': 'application/json' } });
    call.end(body === undefined ? undefined : JSON.stringify(body));
    const [reply] = (await once(call, 'response')) as [IncomingMessage];
    return { status: reply.statusCode, body: (await json(reply)) as { message?: string } };
  };

  const put = async (path: string, body: string) => {
    const call = request({ socketPath: listen, method: 'PUT', path }).end(body);
    const [reply] = (await once(call, 'response')) as [IncomingMessage];
    reply.resume();
    return reply.statusCode;
  };
  /** Runs `act` with a driver behind the filter and a sandbox, which it removes. */
  async function withSandbox(act: (driver: Driver & Pausable, id: SandboxId) => Promise<void>): Promise<SandboxId> {
    await using driver = await createDockerDriver(harness.options({ host: `unix://${listen}`, socketsDir }));
    const spec = testSpec(testImage);
    try {
      await driver.provision(spec, within(60_000));
      await act(driver, spec.id);
    } finally {
      await driver.destroy(spec.id, 'remove', within(60_000));
    }
    return spec.id;
  }

  test('a sandbox starts, works, pauses, stops and goes, as through the engine itself', async () => {
    const removed = await withSandbox(async (driver, id) => {
      await driver.check(within(60_000));
      await using link = await driver.attach(id, within(60_000));
      expect((await askDaemon(link, 'GET', '/health')).status).toBe(200);
      await driver.pause(id, within(60_000));
      await driver.resume(id, within(60_000));
      expect(await driver.list(within(60_000))).toMatchObject([{ id, phase: 'ready' }]);
      await driver.destroy(id, 'keep', within(60_000));
      expect(await driver.list(within(60_000))).toMatchObject([{ id, phase: 'stopped' }]);
    });
    expect([await harness.remains(removed), await readdir(socketsDir), refused]).toEqual([[], [], []]);
  });

  test('the root of the workspace belongs to the sandbox’s user, whatever archive the filter is sent', async () => {
    await withSandbox(async (driver, id) => {
      await using link = await driver.attach(id, within(60_000));
      const archived =
        'mkdir /tmp/from && echo x > /tmp/from/file && chmod 700 /tmp/from && tar -C /tmp/from -cf /tmp/all.tar ./';
      const used = 'cd /workspace && tar -xf /tmp/all.tar && cp -a /tmp/from/. . && touch -d 2020-01-02 .';
      const output = '[ "$(stat -c %u:%g .)" = "$(id -u):$(id -g)" ] && stat -c "%a %y" . && chmod 755 . && cat file';
      const { body } = await askDaemon(link, 'POST', '/exec', { command: `${archived} && ${used} && ${output}` });
      expect(body).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^700 2020-01-02 .*\nx\n$/) });

      const name = await docker('ps', '--filter', `label=corral.sandbox=${id}`, '--format', '{{.Names}}');
      expect(await put(`/containers/${name}/archive?path=/workspace`, 'not an archive')).toBe(200);
      for (const query of ['path=/tmp', 'path=/workspace&path=/etc', 'path=/workspace&copyUIDGID=true', ''])
        expect(await put(`/containers/${name}/archive?${query}`, '')).toBe(403);
      expect(await askDaemon(link, 'POST', '/exec', { command: 'ls; stat -c %a .' })).toMatchObject({
        body: { stdout: 'file\n755\n' },
      });
      refused.length = 0;
    });
  });

  test('another’s container is as unknown as one that is not there, and stays as it was', async () => {
    const name = `corral-test-foreign-${process.pid}`;
    await docker('create', '--pull', 'never', '--name', name, 'debian:bookworm-slim');
    try {
      for (const [method, path] of [
        ['GET', `/containers/${name}/json`],
        ['PUT', `/containers/${name}/archive?path=/workspace`],
        ['POST', `/containers/${name}/start`],
        ['DELETE', `/containers/${name}?force=true`],
        ['DELETE', '/containers/there-is-none'],
      ] as const)
        expect((await responseTo(method, path)).status).toBe(404);
      expect(await docker('inspect', '--format', '{{.State.Status}}', name)).toBe('created');
    } finally {
      await docker('rm', '-f', name);
    }
  });

  test('a list without the installation’s label, a command in a container and a build are refused, and it says why', async () => {
    expect(await responseTo('GET', '/containers/json?all=true')).toMatchObject({ status: 403 });
    const { status, body } = await responseTo('POST', '/build');
    const expected = [403, expect.stringContaining('POST /build is not a request that the server sends')];
    expect([status, body.message]).toEqual(expected);
    expect(refused).toContain('POST /build');
  });

  test('a container is made only when the filter has created its folder; another place is refused', async () => {
    const { instance } = harness.options();
    const spec = testSpec(testImage);
    const name = `corral-${instance}-${spec.sessionId}`;
    const mount = join(socketsDir, spec.id);
    const labels = createSandboxLabels(spec, instance);
    const request = { spec, user: 40_000, name, image: testImage, labels, token: new Secret('t'), mount };
    const { name: _name, ...body } = createSandboxBody(request);
    const reply = await responseTo('POST', `/containers/create?name=${name}`, body);
    expect([reply.status, reply.body.message]).toEqual([403, expect.stringContaining('there is no folder for sbx-')]);
    expect(await docker('ps', '-aq', '--filter', `name=${name}`)).toBe('');

    await using unfiltered = await createDockerDriver(harness.options({ socketsDir }));
    const expected = { code: 'driver_unavailable', message: expect.stringContaining('not to an engine filter') };
    await expect(unfiltered.provision(spec, within(60_000))).rejects.toMatchObject(expected);
  });
});
