/** A size as people read it: whole MiB, rounded down. */
export const mib = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;
