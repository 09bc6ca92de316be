import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { acquireMachineLock } from '../../../drivers/process/proc.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { bundleCli } from '../../../scripts/bundle-cli.ts';
import { isNewer } from '../runner/is-newer.ts';
import { removeFolder } from '../stores/store.ts';
import { onTerminal, type TerminalStep } from '../terminals/on-terminal.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
}

const tarball = join(root, 'node_modules/.cache/corral.tgz');
const sources = ['{src,drivers,machines,scripts,clients}/**/*.{ts,tsx,json,css,html}', '*.json', 'README.md'];

/** The tarball of this tree. It is packed once for all tests of all workers, because that compiles the whole client. */
export async function tarballOfTree(): Promise<string> {
  await using _alone = await acquireMachineLock(`corral-pack ${root}`, new AbortController().signal); // a build empties `dist`
  if (isNewer(tarball, sources)) return tarball;
  const draft = await mkdtemp(join(root, 'node_modules/.cache/corral-pack-'));
  try {
    await run('npm', ['pack', '--silent', '--no-update-notifier', '--pack-destination', draft], { cwd: root });
    const [packed = 'none'] = (await readdir(draft)).filter((file) => file.endsWith('.tgz'));
    await rename(join(draft, packed), tarball);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return tarball;
}

/** The command of the packed tarball, installed in an empty folder, as `npx corral` runs it there. */
export const packedCli = () =>
  cliIn(async (folder) => {
    await run('tar', ['-xzf', await tarballOfTree(), '-C', folder, '--strip-components=1']);
  });

/** The command alone, as the package has it. Nothing is packed, so no client is compiled. */
export const bundledCli = () =>
  cliIn(async (folder) => {
    await bundleCli(join(folder, 'dist'));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ version: packageJson.version, type: 'module' }));
    await writeFile(join(folder, 'dist/server-commands.json'), '[]');
  });

async function cliIn(install: (folder: string) => Promise<void>) {
  const home = await mkdtemp(join(tmpdir(), 'corral-packed-'));
  const installed = join(home, 'node_modules/corral');
  const empty = join(home, 'empty');
  await Promise.all([installed, join(home, 'node_modules/.bin'), empty].map((it) => mkdir(it, { recursive: true })));
  await install(installed);
  const program = join(home, 'node_modules/.bin/corral');
  await symlink('../corral/dist/corral.js', program);
  // Without the NODE_* variables of this test run: people run it with their own Node.
  const base = { PATH: process.env.PATH ?? '', HOME: home, TERM: 'xterm-256color' };

  function start(command: readonly string[], { env, input }: CliOptions): Promise<CliResult> {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { cwd: empty, env: { ...base, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (output.stdout += chunk));
    child.stderr.on('data', (chunk) => (output.stderr += chunk));
    child.stdin.on('error', () => {}); // a program can end before it has read everything
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.once('close', (code) => resolve({ code, ...output })).once('error', reject);
    });
  }
  return {
    folder: empty,
    /** The path of `corral`, for programs that start it themselves. */
    program,
    /** Runs `corral` with these arguments. Standard input is empty, and no stream is a terminal. */
    run: (args: readonly string[], options: CliOptions = {}) => start([program, ...args], options),
    /** Runs it on a real terminal. */
    onTerminal: (args: readonly string[], steps: readonly TerminalStep[], { env }: CliOptions = {}) =>
      onTerminal([program, ...args], { steps, cwd: empty, env: { ...base, ...env } }),
    [Symbol.asyncDispose]: () => removeFolder(home),
  };
}
export type PackedCli = Awaited<ReturnType<typeof packedCli>>;
