// @module-tag all
// Runs the code blocks of the documentation as they stand, page by page, against a real server.
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleCli } from '../../../scripts/bundle-cli.ts';
import { python } from '../../support/clients/python.ts';
import { testRows } from '../../support/runner/tags.ts';
import { needs } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';
import { removeFolder } from '../../support/stores/store.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

/** Blocks that other tests run, or that cannot run here. */
const elsewhere: Readonly<Record<string, string>> = {
  'docs/cli.md': 'made from the commands; test/job/cli/commands.test.ts runs the commands',
  'docs/machines/run.md': 'diagrams',
  'docs/machines/sandbox.md': 'diagrams',
  'docs/machines/session.md': 'diagrams',
  'docs/machines/supervisor.md': 'diagrams',
  'docs/how-to/serve-a-managed-environment.md': 'wants a Managed Agents server; test/job/cli/worker.test.ts',
  'docs/kubernetes.md': 'a file for containerd on a node of a cluster',
};
const blocksOf = (text: string) =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({ language, code }));
const pages = globSync(['README.md', 'docs/**/*.md'], { cwd: root }).filter((file) => elsewhere[file] === undefined);
const texts = await Promise.all(pages.map(async (file) => [file, await readFile(join(root, file), 'utf8')] as const));
const all = texts.flatMap(([file, text]) =>
  blocksOf(text).map(({ language, code }, n) => ({
    file,
    name: `${file}, block ${n + 1} (${language})`,
    language,
    code,
    n,
  })),
);

let server: ServerProcess;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-blocks-'));
  server = await serverProcess({ CORRAL_DRIVER: 'process' });
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const outfile = join(folder, 'dist/corral.js');
  await bundleCli(join(folder, 'dist'));
  await writeFile(join(folder, 'package.json'), '{"version":"0.1.0","type":"module"}');
  await writeFile(join(folder, 'dist/server-commands.json'), '[]');
  await writeFile(join(bin, 'corral'), `#!/bin/sh\nexec ${process.execPath} ${outfile} "$@"\n`);
  await chmod(join(bin, 'corral'), 0o755);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await removeFolder(folder);
});

const programs: Readonly<Record<string, (file: string) => Promise<readonly [string, string]>>> = {
  bash: async (file) => ['bash', file],
  async ts(file) {
    const outfile = `${file}.mjs`;
    const how = { bundle: true, platform: 'node', format: 'esm', logLevel: 'silent', loader: { '': 'ts' } } as const;
    const alias = { 'corral/client': join(root, 'src/client/index.ts') };
    await build({ entryPoints: [file], outfile, alias, target: 'node24', ...how });
    return [process.execPath, outfile];
  },
  python: async (file) => [await python(), file],
};

test('every language of a block has a program that runs it', () => {
  expect(all.length).toBeGreaterThan(20);
  expect(all.filter(({ language }) => !programs[language]).map(({ name }) => name)).toEqual([]);
});

/** Pages whose first block needs a sandbox with isolation. */
const confined = ['docs/previews.md', 'docs/volumes.md'];

testRows(
  all.toSorted((a, b) => a.n - b.n),
  all.filter(({ n }) => n === 0).length,
)('$name', async ({ file: page, language, code }, context) => {
  if (confined.includes(page)) await needs(context, 'bubblewrap');
  const work = await mkdtemp(join(folder, 'work-'));
  const file = join(work, language === 'ts' ? 'block.ts' : 'block');
  await writeFile(file, language === 'bash' ? `set -euo pipefail\n${code}` : code);
  const [program, argument] = (await programs[language]?.(file)) ?? ['false', ''];
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: work,
    CORRAL_URL: server.url,
    PYTHONPATH: join(root, 'clients/python/src'),
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  };
  await run(program, [argument], { cwd: work, env, timeout: 120_000 });
});
