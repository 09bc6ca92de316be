/** The server checks this version before it calls a recently added route. */
export const daemonVersion = '1.7.0';
