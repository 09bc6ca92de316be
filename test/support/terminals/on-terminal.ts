import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../stores/store.ts';

export interface TerminalStep {
  /** A regular expression that the output since the last step has to match. */
  readonly expect?: string;
  readonly resize?: readonly [cols: number, rows: number];
  readonly send?: string;
}
interface OnTerminal {
  readonly steps: readonly TerminalStep[];
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
}

const onItsSize = 'stty cols 100 rows 30; tty > "$0"; exec "$@"';
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Runs a program on its own terminal. If an expected step does not come, the failure shows the output. */
export async function onTerminal(argv: readonly string[], { steps, cwd, env }: OnTerminal) {
  using folder = temporaryFolder();
  const tty = join(folder.path, 'tty');
  const command = ['sh', '-c', onItsSize, tty, ...argv].map(quoted).join(' ');
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {}); // the program can end before it has read everything
  const left = [...steps];
  let stdout = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (let next = left[0]; next; next = left[0]) {
      const found = new RegExp(next.expect ?? '').exec(stdout.slice(seen));
      if (!found) return;
      seen += found.index + found[0].length;
      left.shift();
      const [cols, rows] = next.resize ?? [];
      if (cols && rows)
        execFileSync('stty', ['-F', readFileSync(tty, 'utf8').trim(), 'cols', `${cols}`, 'rows', `${rows}`]);
      if (next.send) child.stdin.write(next.send);
    }
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (left[0]) throw new Error(`${JSON.stringify(left[0].expect)} did not come:\n${stdout}`);
  return { code, stdout };
}
