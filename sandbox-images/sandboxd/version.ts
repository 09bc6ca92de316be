/** The version of the daemon and its API. The server calls a newer route only if the daemon's version has it. */
export const daemonVersion = '1.7.0';
