// Copies of workspace files at the start of a run; partial for large workspaces.

export const runFilesFolder = '.corral/run';
export const ignoredFolders: readonly string[] = [
  ...['.git', 'node_modules', '.corral', '.agent_logs', '.venv', '__pycache__'],
];
export const runFileLimits = {
  files: 20_000,
  copies: 2_000,
  /** The maximum size of one copied file, in bytes. */
  copyBytes: 256 * 1024,
  /** The maximum size of all copied files together, in bytes. */
  copiedBytes: 16 * 1024 * 1024,
} as const;

export const outputFolder = '.corral/output';
/** Output files of at most this many bytes are left out of a workspace's fingerprint. */
export const maxShownOutputBytes = 4 * 1024;

export const skillFolder = '.corral/skills';

export const checkpointFolder = '.corral/checkpoints';

/** The path that agents see; `memoryFolder` is the path in the workspace. */
export const memoryMountPath = '/mnt/memory';
export const memoryFolder = '.session/memory';
