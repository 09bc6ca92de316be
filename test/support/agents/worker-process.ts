import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { Corral } from '../../../src/client/index.ts';

/** `corral worker` as a process of its own, which ends with the test. */
export function startWorker(program: string, args: readonly string[], own: Record<string, string>): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(program, ['worker', ...args], {
    env: { PATH, HOME, ...own },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

/** The sandboxes that workers made for this session of the queue. */
export const boxesOf = async (corral: Corral, session: string): Promise<string[]> =>
  (await Array.fromAsync(corral.list({ metadata: { 'managed-agents.session': session } }))).map(({ id }) => id);
