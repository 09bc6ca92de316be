/**
 * The home of a sandbox's user. It is on the workspace's disk, next to the daemon's own files, so installed packages
 * count towards the disk limit and not as memory. Searches skip it.
 */
export const sandboxHome = '/workspace/.corral/home';

/**
 * Second mount point of the workspace: the user's home in the user database, where programs written for other systems
 * expect their files.
 */
export const workspaceAlias = '/home/user';
