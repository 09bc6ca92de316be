import type { Server, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { SharedState } from './shared-state.ts';
import { marks } from './shells/environment.ts';
import { executor } from './shells/exec.ts';
import { markFinder, markStart, openTerminal } from './shells/terminal.ts';

const restMs = 150;
const patienceMs = 5_000;
const mark = 'warm-up';

/**
 * Runs a command that does nothing, once the server has its first answer: the first command of a process takes three times
 * as long as later ones. It also opens a terminal, if nobody uses the sandbox by then.
 */
export function warmUp(server: Server, parts: SharedState): void {
  const exec = executor({ ...parts, bootId: mark, touch: () => {} }); // it is nobody's use of the sandbox
  const begin = (_request: unknown, response: ServerResponse) =>
    response.once('close', () => setImmediate(() => void run().catch(() => {}))); // a real command reports what is wrong
  const run = async () => {
    const signal = AbortSignal.timeout(patienceMs);
    await exec({ command: ':' }, signal);
    await pause(restMs);
    // The timer and the clock can differ by a few milliseconds.
    if (parts.idleMs() >= restMs - 10) await useTerminal(parts, signal);
  };
  server.once('request', begin);
}

async function useTerminal({ place, env, keepers }: SharedState, signal: AbortSignal): Promise<void> {
  const terminal = await openTerminal({
    command: ':',
    cwd: place.root,
    env: { ...env, ...marks(mark, undefined) },
    mark,
  });
  keepers.add(terminal.pid);
  const close = () => terminal.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const finder = markFinder(`${markStart}${mark}`);
    for await (const chunk of terminal.output) if (finder.push(chunk).exitCode !== undefined) break;
  } finally {
    signal.removeEventListener('abort', close);
    await keepers.close(terminal);
  }
}
