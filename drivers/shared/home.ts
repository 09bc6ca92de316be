/**
 * The home of a sandbox's user. It is on the workspace's disk, next to the daemon's own files, so installed packages
 * count towards the disk limit and not as memory. Searches skip it.
 */
export const sandboxHome = '/workspace/.corral/home';

/**
 * The second mount point of the workspace: the home of the sandbox's user in the user database, where programs written
 * for other systems expect their files. Both paths lead to one folder.
 */
export const workspaceAlias = '/home/user';
