import type { CommandTerminal } from '../../src/app/commands/command.ts';
import { captureSession, captureUsage } from './capture.ts';
import { runShadowCommand, shadowUsage } from './shadow.ts';

export const sessionCommandUsage = `capture ${captureUsage} | shadow ${shadowUsage}`;

/**
 * `capture` turns a session of a running server into a task. `shadow` sends each recorded turn of the store to another
 * model, runs no tools, and reports the differences and the price. Undefined: the arguments name neither.
 */
export async function runSessionCommand(
  [what, ...args]: readonly string[],
  at: CommandTerminal,
): Promise<number | undefined> {
  if (what === 'capture') return await captureSession(args, at);
  return what === 'shadow' ? await runShadowCommand(args, at) : undefined;
}
