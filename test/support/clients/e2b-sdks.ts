import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonWith } from './python.ts';

const run = promisify(execFile);
const packages = {
  javascript: ['e2b@2.51.0', '@e2b/code-interpreter@2.8.0'],
  python: ['e2b==2.63.0', 'e2b-code-interpreter==2.11.5'],
};
const programs = join(import.meta.dirname, '../../job/e2b/programs');

type Language = keyof typeof packages;

/** The folder with published packages, unpatched, installed once for each set of versions. */
async function installed(language: Language, expected: readonly string[]): Promise<string> {
  if (language === 'python') return join(await pythonWith(expected), '../..');
  const name = expected.join('-').replaceAll(/[^\w.-]+/g, '_');
  const folder = join(tmpdir(), `corral-test-${process.getuid?.()}-${name}`);
  if (existsSync(folder)) return folder;
  const draft = await mkdtemp(join(tmpdir(), 'corral-test-sdk-'));
  await writeFile(join(draft, 'package.json'), '{"private":true}');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
  await run('npm', ['install', ...options, ...expected], { cwd: draft });
  await rename(draft, folder).catch(() => rm(draft, { recursive: true })); // another test was first
  return folder;
}

interface SdkPackages {
  readonly language: Language;
  /** With their versions, in the notation of npm or pip. */
  readonly packages: readonly string[];
}
interface SdkProgram extends SdkPackages {
  readonly files: readonly string[];
  readonly timeout?: number;
}

/** Runs a program of a test's folder with published packages; resolves with its last line, which is JSON. */
export async function runProgram(
  { language, packages: expected, files }: Omit<SdkProgram, 'source'> & { readonly files: readonly string[] },
  env: Record<string, string>,
): Promise<Steps> {
  const folder = await installed(language, expected);
  const { PATH = '', HOME = '' } = process.env;
  const isPython = language === 'python';
  const command = isPython ? join(folder, 'bin/python') : process.execPath;
  const args = isPython ? [] : ['--import', `data:text/javascript,${loader(folder, expected)}`];
  const options = { env: { PATH, HOME, ...env }, maxBuffer: 64 * 2 ** 20, timeout: 480_000 };
  const { stdout } = await run(command, [...args, ...files], options);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** Runs the text of a program in a folder that has its packages; resolves with its output. */
export async function runWritten(
  program: SdkPackages & { readonly source: string },
  env: Record<string, string>,
): Promise<string> {
  const folder = await installed(program.language, program.packages);
  const own = await mkdtemp(join(folder, 'run-')); // below the packages, where Node looks for them
  try {
    const isPython = program.language === 'python';
    const file = join(own, isPython ? 'agent.py' : 'agent.mjs');
    await writeFile(file, program.source);
    const { PATH = '', HOME = '' } = process.env;
    const command = isPython ? join(folder, 'bin/python') : process.execPath;
    const { stdout } = await run(command, [file], { env: { PATH, HOME, ...env }, cwd: own, timeout: 180_000 });
    return stdout;
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** The results of a program's steps, as the program prints them. */
export type Steps = Readonly<Record<string, unknown>>;

/** Runs a program of test/job/e2b/programs; only environment variables lead it to the server. */
export function runOnSdk(program: string, env: Record<string, string>): Promise<Steps> {
  const language = program.endsWith('.py') ? 'python' : 'javascript';
  return runProgram({ language, packages: packages[language], files: [join(programs, program)] }, env);
}

/** Lets a program outside the folder import the packages in it. */
function loader(folder: string, expected: readonly string[]): string {
  const parent = JSON.stringify(`file://${folder}/package.json`);
  const names = JSON.stringify(expected.map((one) => one.slice(0, one.lastIndexOf('@'))));
  const isOne = `${names}.some((name)=>s===name||s.startsWith(name+'/'))`;
  const hook = `export const resolve=(s,c,n)=>n(s,${isOne}?{...c,parentURL:${parent}}:c)`;
  const source = `import {register} from "node:module";register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  return encodeURIComponent(source);
}
