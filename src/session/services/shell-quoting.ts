/** One word for a shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The kernel takes 128 KiB for one argument. */
const longCommand = 100_000;

/** The command as a login shell would run it. */
export function loginCommand(command: string): string {
  if (Buffer.byteLength(command) < longCommand) return `bash -lc ${quoted(command)}`;
  return `bash -lc 'eval "$(cat "$1")"' bash <(printf %s ${quoted(command)})`;
}
