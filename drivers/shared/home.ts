/**
 * A sandbox user's home is on the workspace's disk, so installed packages count towards the disk limit and not as
 * memory. Searches skip it.
 */
export const sandboxHome = '/workspace/.corral/home';

/**
 * Second mount point of the workspace: the user's home in the user database, where programs written for other systems
 * expect their files.
 */
export const workspaceAlias = '/home/user';
