import type { ExecResult } from '../../sandboxes/client/client.ts';

export function addTruncationNotes({ stdout, stderr, wholeIn }: ExecResult): {
  readonly stdout: string;
  readonly stderr: string;
} {
  return { stdout: stdout + noteOf(wholeIn?.stdout), stderr: stderr + noteOf(wholeIn?.stderr) };
}

const noteOf = (file: string | undefined) =>
  file === undefined ? '' : `\n[corral: cut after 1 MiB; the whole output is in ${file}]\n`;
