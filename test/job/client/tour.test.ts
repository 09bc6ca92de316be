import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import { python } from '../../support/clients/python.ts';
import { testRows } from '../../support/runner/tags.ts';
import { needs } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const tour = join(root, 'examples/tour');
const client = join(root, 'clients/python');
const strictly = ['-m', 'mypy', '--strict'];
const environment = { PYTHONPATH: join(client, 'src'), MYPYPATH: join(client, 'src') };

let server: ServerProcess;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-tour-'));
  server = await serverProcess({ CORRAL_DRIVER: 'process' });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const told = [
  ...['out: line 1', 'out: line 2', 'out: line 3', 'exit code 7'],
  'wrote 5000000 bytes, read the same: true',
  ...['the agent calls shell_exec', 'the run is completed', 'the fork has: from the run', 'stopped'],
];
const lines = async (program: string, args: string[]) => {
  const env = { PATH: process.env.PATH, CORRAL_URL: server.url, ...environment };
  const { stdout } = await run(program, args, { env, timeout: 150_000 });
  return stdout.toLowerCase().trim().split('\n');
};
const bundle = async (entry: string, outfile: string, platform: 'node' | 'browser') => {
  const how = { bundle: true, format: 'esm', logLevel: 'silent' } as const;
  await build({ entryPoints: [entry], outfile, platform, conditions: ['corral-source'], ...how });
};

// Node 20 of this machine, and the pinned one. TEST_RUNTIMES adds others, such as a Node 22 or a Bun.
const runtimes = ['/usr/bin/node', process.execPath, ...(process.env.TEST_RUNTIMES?.split(':') ?? [])];

describe('the tour', () => {
  test('has forty lines in each language', async () => {
    for (const name of ['tour.ts', 'tour.py']) {
      const text = await readFile(join(tour, name), 'utf8');
      expect(text.split('\n').filter((line) => line.trim() !== '').length, name).toBeLessThanOrEqual(40);
    }
  });

  testRows(runtimes)('in TypeScript runs on %s', async (runtime) => {
    const program = join(folder, `${basename(runtime)}-${runtimes.indexOf(runtime)}.mjs`);
    await bundle(join(tour, 'tour.ts'), program, 'node');
    const said = (await lines(runtime, [program])).map((line) => line.replace(/^line/, 'out: line')); // lines can come together
    expect(said.filter((line) => told.includes(line))).toEqual(told);
    expect(said).toContain('err: oh');
  });

  test('in Python runs, and type-checks strictly with the client', {
    tags: ['nightly'],
  }, async (context) => {
    await needs(context, 'registries');
    const program = await python();
    const said = await lines(program, [join(tour, 'tour.py')]);
    expect(said.filter((line) => told.includes(line))).toEqual(told);
    const files = [join(client, 'src'), join(tour, 'tour.py')];
    const { stdout } = await run(program, [...strictly, ...files], { env: { ...process.env, ...environment } });
    expect(stdout).toMatch(/^Success/);
  });
});

test('the Python client for asyncio does the same as the one that blocks, which is made from it, and type-checks strictly', {
  tags: ['nightly'],
}, async (context) => {
  await needs(context, 'registries');
  const program = await python();
  await run(program, [join(client, 'scripts/make_sync.py'), '--check']);
  const said = await lines(program, [join(import.meta.dirname, 'async_client.py')]);
  expect(said).toEqual([
    'one, 50000000 characters, cut: true',
    'stdin: 3000000',
    "watched: ['create a.txt', 'write a.txt']",
    'terminal: exited',
    'question, then completed',
    'found: true true',
    "memory: make ['build.md'] ['make', none, 'make']",
    'made: onetwo',
    'left: session_not_found',
    'not_found',
    'unreachable',
    'unsupported', // processes have no services
    'invalid_request',
    'invalid_request', // two repositories in one folder
    'invalid_request', // only https and http
  ]);
  const typed = [...strictly, join(client, 'src'), join(import.meta.dirname, 'async_client.py')];
  const { stdout } = await run(program, typed, { env: { ...process.env, ...environment } });
  expect(stdout).toMatch(/^Success/);
});

test('the client runs in a browser', async (context) => {
  const { page, complaints } = await browse(context, { width: 800, height: 600 });
  const entry = join(folder, 'browser.ts');
  const file = join(folder, 'browser.mjs');
  const source = `
    import { Corral } from ${JSON.stringify(join(root, 'src/client/index.ts'))};
    const box = await Corral.create({ url: location.origin });
    const ended = await box.exec('cat; echo oh >&2; exit 3', { stdin: 'hello' });
    await box.files.write('a.txt', new Blob(['one']).stream());
    const run = await box.run('Say hi');
    const types = [];
    for await (const event of run) types.push(event.type);
    document.title = JSON.stringify([ended.stdout, ended.stderr, ended.exitCode, await box.files.read('a.txt'), types.at(-1)]);
  `;
  await writeFile(entry, source);
  await bundle(entry, file, 'browser');
  const code = await readFile(file, 'utf8');
  await page.route('**/try-client', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<script type="module" src="/try-client.js"></script>' }),
  );
  await page.route('**/try-client.js', (route) => route.fulfill({ contentType: 'text/javascript', body: code }));
  await page.goto(`${server.url}/try-client`);
  await expect.poll(() => page.title()).toBe('["hello","oh\\n",3,"one","run.end"]');
  expect(complaints).toEqual([]);
});
