// @module-tag nightly
// The recipe for Harbor: its package, its Dockerfile and its commands, run as they are written there.
import { execFile } from 'node:child_process';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const run = promisify(execFile);
const token = 'e2b_0123456789';
const { PATH = '', HOME = '' } = process.env;

const blocksOf = (page: string, kind: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) =>
    text.replaceAll(/^ {3}/gm, ''),
  );

/** The first interpreter that Harbor can be installed for. */
async function newPython(): Promise<string | undefined> {
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.14']) {
    const requested = await run(name, ['-c', 'import sys; print(sys.version_info >= (3, 12))']).catch(() => undefined);
    if (requested?.stdout.trim() === 'True') return name;
  }
  return undefined;
}

test('Harbor runs two tasks of the evaluation in sandboxes, and their own solutions pass', async (context) => {
  await needs(context, 'docker');
  const python = await newPython();
  if (!python) return context.skip('Harbor needs Python 3.12 or newer');
  const page = await readFile('docs/recipes/harbor.md', 'utf8');
  const [install = '', commands = ''] = blocksOf(page, 'sh');
  const [dockerfile = ''] = blocksOf(page, 'dockerfile');
  using folder = temporaryFolder();
  const packages = join(folder.path, 'packages');
  await run(python, ['-m', 'venv', packages]);
  const expected = install.replaceAll('"', '').trim().split(/\s+/).slice(2); // after `pip install`
  await run(join(packages, 'bin/python'), ['-m', 'pip', 'install', '-q', ...expected]);
  await writeFile(join(folder.path, 'Dockerfile'), dockerfile);
  await symlink(resolve('eval'), join(folder.path, 'eval'));
  await using server = await serverProcess({
    CORRAL_DRIVER: 'docker',
    CORRAL_E2B_FACADE: 'on',
    CORRAL_BUILDS_ALLOW: 'on',
    CORRAL_TOKEN: token,
  });
  const env = { E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: token };
  const script = commands.replaceAll(/^export .*\n/gm, '');
  await run('bash', ['-ec', script], {
    cwd: folder.path,
    env: { PATH: `${join(packages, 'bin')}:${PATH}`, HOME, ...env },
    timeout: 600_000,
    maxBuffer: 64 * 2 ** 20,
  });
  const [job = ''] = await readdir(join(folder.path, 'jobs'));
  const { stats } = JSON.parse(await readFile(join(folder.path, 'jobs', job, 'result.json'), 'utf8'));
  expect(stats).toMatchObject({ n_completed_trials: 2, n_errored_trials: 0 });
  const [solved] = Object.values(stats.evals) as { reward_stats: { reward: Record<string, string[]> } }[];
  expect(Object.entries(solved?.reward_stats.reward ?? {}).map(([reward, trials]) => [reward, trials.length])).toEqual([
    ['1.0', 2],
  ]);
  const left = await fetch(`${server.url}/v2/sandboxes`, { headers: { 'x-api-key': token } });
  expect(await left.json()).toEqual([]);
});
