/**
 * The home of a sandbox's user. It is on the workspace's disk, next to the daemon's own files, so that installed packages
 * count towards the disk limit and not as memory. Searches skip it.
 */
export const home = '/workspace/.corral/home';

/**
 * The second place at which the workspace is mounted: the home that the sandbox's user has in the list of users, where programs
 * written for other systems expect their files. Both paths lead to one folder.
 */
export const workspaceAlias = '/home/user';
