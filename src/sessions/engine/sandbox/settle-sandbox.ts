import { beginningOf } from '../../../core/text/text.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';

const named = 20;
const commandChars = 120;

/**
 * Writes the files of a sandbox to the disk, so that a power cut after its pause loses none, and resolves with the commands of
 * its processes, for the event that tells which of them ended.
 */
export async function settleSandbox(client: SandboxClient, signal: AbortSignal): Promise<readonly string[]> {
  const all = await client.processes(signal);
  await client.exec({ command: 'sync -f .' }, signal);
  return all.slice(0, named).map(({ cmd }) => beginningOf(cmd, commandChars));
}
