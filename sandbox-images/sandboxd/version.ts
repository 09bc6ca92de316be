/** The server calls a newer route only if the daemon's version supports it. */
export const daemonVersion = '1.7.0';
