import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { ExecResult } from '../../sandboxes/client/client.ts';
import type { ExecCommand, SandboxService } from '../api/sandboxes.ts';

/** Also starts a sandbox that a user stopped. */
export async function execWithAutoStart(
  sandboxes: Pick<SandboxService, 'start' | 'exec'>,
  id: SessionId,
  command: ExecCommand,
  signal: AbortSignal,
): Promise<ExecResult> {
  try {
    return await sandboxes.exec(id, command, signal);
  } catch (thrown) {
    if (toAppError(thrown).code !== 'sandbox_not_found') throw thrown;
  }
  await sandboxes.start(id, signal);
  return await sandboxes.exec(id, command, signal);
}

export function addTruncationNotes({ stdout, stderr, wholeIn }: ExecResult): {
  readonly stdout: string;
  readonly stderr: string;
} {
  return { stdout: stdout + noteOf(wholeIn?.stdout), stderr: stderr + noteOf(wholeIn?.stderr) };
}

const noteOf = (file: string | undefined) =>
  file === undefined ? '' : `\n[corral: cut after 1 MiB; the whole output is in ${file}]\n`;
