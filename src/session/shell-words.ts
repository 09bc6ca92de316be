/** One word for a shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command as a login shell would run it. */
export const loginCommand = (command: string): string => `bash -lc ${quoted(command)}`;
