import { quoteForShell } from '../../core/text/quote.ts';

/** Longer commands go through a file descriptor, because the kernel limits an argument to 128 KiB. */
const longCommand = 100_000;

export function toLoginShellCommand(command: string): string {
  if (Buffer.byteLength(command) < longCommand) return `bash -lc ${quoteForShell(command)}`;
  return `bash -lc 'eval "$(cat "$1")"' bash <(printf %s ${quoteForShell(command)})`;
}
