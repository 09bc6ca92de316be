/** Before the server calls a recently added route, it checks that the daemon's version supports it. */
export const daemonVersion = '1.7.0';
