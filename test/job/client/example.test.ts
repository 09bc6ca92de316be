// @module-tag nightly
import { execFile } from 'node:child_process';
import { access, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { fence } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { outcomeOf } from '../../support/servers/program-outcome.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const example = 'examples/watch-session/main.ts';

interface ExampleOptions {
  readonly server: ServerProcess;
  readonly cwd?: string;
  readonly token?: string;
}

/** Runs the example in its own process. Returns its output lines and its exit code. */
async function watch(task: string, args: string[], { server, cwd = root, token }: ExampleOptions) {
  const env = { PATH: process.env.PATH, CORRAL_URL: server.url, ...(token !== undefined && { CORRAL_TOKEN: token }) };
  const { code, out, err } = await outcomeOf(process.execPath, [...args, task], { cwd, env, timeout: 90_000 });
  return { code, lines: (out + err).trim().split('\n') };
}

test('the example follows a run to its end, whether it succeeds or fails', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await serverProcess({ CORRAL_DRIVER: 'process', CORRAL_TOKEN: 'right' });
  const input = { server, token: 'right' };
  const fine = await watch(fence('sh', 'echo it works'), ['--conditions=corral-source', example], input);
  expect(fine.lines).toContainEqual(expect.stringMatching(/^ +\d+ {2}shell_exec \{.*"command":"echo it works".*\}$/));
  expect(fine.lines).toContainEqual(expect.stringMatching(/^ +\d+ {2}worked: it works$/));
  expect([fine.code, fine.lines.at(-1)]).toEqual([0, 'the run is completed']);
  const failed = await watch(fence('fail', 'the model is out'), ['--conditions=corral-source', example], input);
  expect(failed.lines).toContainEqual(expect.stringMatching(/error: .*the model is out/));
  expect([failed.code, failed.lines.at(-1)]).toEqual([1, 'the run is failed']);
  const refused = await watch('Say hi', ['--conditions=corral-source', example], { server, token: 'wrong' });
  expect(refused.code).toBe(1);
  expect(refused.lines.join('\n')).toContain('A valid token is needed.');
});

test('the packed package works in programs and browsers, with its types', { tags: ['nightly'] }, async (context) => {
  await needs(context, 'bubblewrap');
  using folder = temporaryFolder();
  const home = folder.path;
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const installed = join(home, 'node_modules/corral');
  await mkdir(join(home, 'node_modules/@trpc'), { recursive: true });
  await mkdir(installed);
  await run(process.execPath, ['scripts/pack-client.ts', home], { cwd: root });
  const [tarball = 'none'] = (await readdir(home)).filter((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', join(home, tarball), '-C', installed, '--strip-components=1']);
  expect(tarball).toBe(`corral-client-${packageJson.version}.tgz`);
  const command = (...args: string[]) => run(join(installed, 'dist/corral.js'), args, { cwd: home });
  expect((await command('--version')).stdout.trim()).toBe(packageJson.version);
  for (const ofServer of ['serve', 'up', 'down', 'doctor'])
    await expect(command(ofServer)).rejects.toThrow('This package contains only the client');
  expect((await command('--help')).stdout).toContain('Get started: CORRAL_URL=');
  const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  expect(Object.keys(dependencies)).toEqual(['@trpc/client', '@trpc/server', 'zod']);
  for (const dependency of [...Object.keys(dependencies), '@types'])
    await symlink(join(root, 'node_modules', dependency), join(home, 'node_modules', dependency));
  await cp(join(root, example), join(home, 'main.ts'));
  const compilerOptions = { module: 'nodenext', target: 'esnext', strict: true, noEmit: true, types: ['node'] };
  await writeFile(join(home, 'package.json'), '{"type":"module"}');
  await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts', 'wrong.ts'] }));
  await writeFile(
    join(home, 'wrong.ts'),
    "import { createCorralClient } from 'corral/client';\nexport const id: number = (await createCorralClient({ url: '' }).sessions.create.mutate()).id;\n",
  );
  const checked = await run(process.execPath, [tsc, '-p', home]).catch(({ stdout }: { stdout: string }) => ({
    stdout,
  }));
  expect(checked.stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/wrong[.]ts\(2,\d+\): error TS2322: Type 'string' is not assignable to type 'number'[.]$/),
  ]);
  // A bundle for browsers fails if the client imports a module of Node. The README's import map must have every import.
  const entryPoints = [join(installed, 'dist/src/client/index.js')];
  const bundled = { bundle: true, format: 'esm', platform: 'browser', write: false, metafile: true } as const;
  const { metafile } = await build({ entryPoints, ...bundled, logLevel: 'silent' });
  const readme = await readFile(join(root, 'examples/watch-session/README.md'), 'utf8');
  const map: Record<string, string> = JSON.parse(
    /<script type="importmap">(.*)<\/script>/s.exec(readme)?.[1] ?? '{}',
  ).imports;
  const imported = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.map(({ original = '.' }) => original),
  );
  expect(imported.filter((name) => !name.startsWith('.') && map[name] === undefined)).toEqual([]);
  for (const path of Object.values(map)) await access(join(home, path));

  await using server = await serverProcess({ CORRAL_DRIVER: 'process' });
  const { code, lines } = await watch('Say hi', ['main.ts'], { server, cwd: home });
  expect([code, lines.at(-1)]).toEqual([0, 'the run is completed']);
});
