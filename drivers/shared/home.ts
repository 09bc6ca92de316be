/** On the workspace's disk, so installed packages use disk space and not memory. Searches skip this folder. */
export const sandboxHome = '/workspace/.corral/home';

/**
 * Second mount point of the workspace. Listed as the user's home, where programs written for other systems expect
 * files.
 */
export const workspaceAlias = '/home/user';
