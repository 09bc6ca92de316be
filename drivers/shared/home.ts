/** On disk, so that installed packages do not use memory. Searches skip this folder. */
export const sandboxHome = '/workspace/.corral/home';

/** Second mount point of the workspace, and the user's home in /etc/passwd. */
export const workspaceAlias = '/home/user';
