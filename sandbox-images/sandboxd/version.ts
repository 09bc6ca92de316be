/** The version of the daemon and its API. The server refuses an unknown major version. */
export const daemonVersion = '1.7.0';
