/**
 * The home of a sandbox's user. On the workspace's disk, beside the daemon's own files there, so that installed packages
 * count to the same limit and not as memory; searches skip it.
 */
export const home = '/workspace/.corral/home';
