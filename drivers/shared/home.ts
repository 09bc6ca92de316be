/**
 * The home of a sandbox's user. It is on the workspace's disk, next to the daemon's own files, so that installed packages
 * count towards the disk limit and not as memory. Searches skip it.
 */
export const home = '/workspace/.corral/home';
