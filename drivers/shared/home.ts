/** On the workspace's disk, so installed packages use disk space and not memory. Searches skip this folder. */
export const sandboxHome = '/workspace/.corral/home';

/**
 * Second mount point of the workspace. The user database lists it as the user's home, because programs written for other
 * systems expect their files there.
 */
export const workspaceAlias = '/home/user';
