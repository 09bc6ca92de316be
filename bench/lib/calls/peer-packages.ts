import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { monotonicMs } from '../measure/generator.ts';

// Packages used as peers are installed outside the repository by `bench/peers/install.sh`, because no user of Corral
// needs them. BENCH_PEERS names another folder.

const python = join(process.env.BENCH_PEERS ?? join(homedir(), '.cache', 'corral-bench'), 'py');

export const peerPythonPath = join(python, 'bin', 'python');
export const describeMissingPackage = (name: string): string | undefined =>
  existsSync(join(python, 'packages', name)) ? undefined : 'its peer is not installed: bash bench/peers/install.sh';

/** A peer in another language. It reads one command per line, runs it, and writes the result as a line of JSON. */
export interface LinePeer extends AsyncDisposable {
  /** Duration in ms. Rejects when the peer reports a failure. */
  ask(act: 'open' | 'exec' | 'output' | 'close'): Promise<number>;
}

export async function startLinePeer(command: readonly [string, ...string[]]): Promise<LinePeer> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk) => {
    text = (text + chunk).slice(-2_000);
  });
  const ended = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async () => {
    const { done, value } = await lines.next();
    const report = done ? undefined : (JSON.parse(value) as { ok: boolean; error?: string });
    if (!report?.ok) throw new Error(`the peer ${args.join(' ')} failed: ${report?.error ?? text}`);
  };
  await answer(); // the peer reports that its libraries are loaded
  return {
    async ask(act) {
      const from = monotonicMs();
      child.stdin.write(`${act}\n`);
      await answer();
      return monotonicMs() - from;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
