import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, describe, expect } from 'vitest';
import { python } from '../../support/clients/python.ts';
import { type Owner, test } from '../../support/fixtures.ts';
import { eachNeeds, needs } from '../../support/servers/components.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const tour = join(root, 'examples/tour');
const client = join(root, 'clients/python');
const strictly = ['-m', 'mypy', '--strict'];
const environment = { PYTHONPATH: join(client, 'src'), MYPYPATH: join(client, 'src') };

const folder = temporaryFolder();
eachNeeds('bubblewrap');
afterAll(() => folder[Symbol.dispose]());

const reports = [
  ...['out: line 1', 'out: line 2', 'out: line 3', 'exit code 7'],
  'wrote 5000000 bytes, read the same: true',
  ...['the agent calls shell_exec', 'the run is completed', 'the fork has: from the run', 'stopped'],
];
const lines = async (owner: Owner, program: string, args: string[]) => {
  const env = { PATH: process.env.PATH, ...owner.env, ...environment };
  const { stdout } = await run(program, args, { env });
  return stdout.toLowerCase().trim().split('\n');
};
const bundle = async (entry: string, outfile: string) => {
  const how = { bundle: true, format: 'esm', logLevel: 'silent', platform: 'node' } as const;
  await build({ entryPoints: [entry], outfile, conditions: ['corral-source'], ...how });
};

// The pinned Node. TEST_RUNTIMES adds others, such as the machine's own or a Bun.
const runtimes = [process.execPath, ...(process.env.TEST_RUNTIMES?.split(':') ?? [])];

describe('the tour', () => {
  test.for(runtimes)('in TypeScript runs on %s', async (runtime, { owner }) => {
    const program = join(folder.path, `${basename(runtime)}-${runtimes.indexOf(runtime)}.mjs`);
    await bundle(join(tour, 'tour.ts'), program);
    // several lines can arrive in one chunk
    const reply = (await lines(owner, runtime, [program])).map((line) => line.replace(/^line/, 'out: line'));
    expect(reply.filter((line) => reports.includes(line))).toEqual(reports);
    expect(reply).toContain('err: oh');
  });

  test('in Python runs, and type-checks strictly with the client', { tags: ['nightly'] }, async ({ owner, skip }) => {
    await needs({ skip }, 'registries');
    const program = await python();
    const reply = await lines(owner, program, [join(tour, 'tour.py')]);
    expect(reply.filter((line) => reports.includes(line))).toEqual(reports);
    const files = [join(client, 'src'), join(tour, 'tour.py')];
    const { stdout } = await run(program, [...strictly, ...files], { env: { ...process.env, ...environment } });
    expect(stdout).toMatch(/^Success/);
  });
});

test('the Python client for asyncio does the same and type-checks', { tags: ['nightly'] }, async ({ owner, skip }) => {
  await needs({ skip }, 'registries');
  const program = await python();
  const reply = await lines(owner, program, [join(import.meta.dirname, 'async_client.py')]);
  expect(reply).toEqual([
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
    'invalid_request', // two repositories with the same folder
    'invalid_request', // only https and http
  ]);
  const typed = [...strictly, join(client, 'src'), join(import.meta.dirname, 'async_client.py')];
  const { stdout } = await run(program, typed, { env: { ...process.env, ...environment } });
  expect(stdout).toMatch(/^Success/);
});
