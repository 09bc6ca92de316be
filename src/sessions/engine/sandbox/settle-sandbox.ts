import { deadlineSignal } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { beginningOf } from '../../../core/text/text.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

const named = 20;
const commandChars = 120;
/** A sandbox that is to rest or end is asked for so long at most. */
export const settleMs = 2_000;
/** Gigabytes that were just written take a busy disk some seconds. Shorter than the request for a pause waits. */
const syncMs = 15_000;

/**
 * Writes the files of a sandbox that is about to be frozen to the disk, so that a power cut loses none, and resolves with the
 * commands of its processes. A sync that goes on could not be frozen, so the freeze waits for it.
 */
export async function settleSandbox(
  client: SandboxClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const commands = await commandsIn(client, clock, signal);
  using until = deadlineSignal(syncMs, clock, signal);
  await client.exec({ command: 'sync -f .' }, until.signal).catch(() => {});
  return commands;
}

/** The commands of the processes, for the event that tells which of them ended. None: the sandbox does not answer. */
export async function commandsIn(client: SandboxClient, clock: Clock, signal: AbortSignal): Promise<readonly string[]> {
  using soon = deadlineSignal(settleMs, clock, signal);
  const all = await client.processes(soon.signal).catch(() => []);
  return all.slice(0, named).map(({ cmd }) => beginningOf(cmd, commandChars));
}
