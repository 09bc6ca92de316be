/** The server calls a newer route only if this version has it. */
export const daemonVersion = '1.7.0';
