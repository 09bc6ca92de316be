/** Of the daemon and its API: the server refuses a major one that it does not know. */
export const version = '1.0.0';
