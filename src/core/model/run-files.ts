// Copies of a workspace's files from the start of a run, kept in the workspace itself. The daemon copies a small workspace; in a
// larger one, a script copies a limited number of files.

export const runFilesFolder = '.corral/run';
/** Folders that tools generate; their files are not compared. */
export const ignoredFolders: readonly string[] = [
  ...['.git', 'node_modules', '.corral', '.agent_logs', '.venv', '__pycache__'],
];
export const runFileLimits = {
  files: 20_000,
  copies: 2_000,
  /** Maximum size of one copied file, in bytes. */
  copyBytes: 256 * 1024,
  /** Maximum size of all copied files together, in bytes. */
  copiedBytes: 16 * 1024 * 1024,
} as const;

export const outputFolder = '.corral/output';
/** Output files up to this size are not part of a workspace's fingerprint, because the conversation contains them in full. */
export const maxShownOutputBytes = 4 * 1024;

/** The uploaded skills of the session, read-only. */
export const skillFolder = '.corral/skills';

/** Where the commits of checkpoints are stored. Checkpoints belong to one session, so a fork starts without them. */
export const checkpointFolder = '.corral/checkpoints';

/**
 * The memory stores of a session, one folder each. This is the path that agents use; `memoryFolder` is the path in the workspace.
 */
export const memoryMountPath = '/mnt/memory';
export const memoryFolder = '.session/memory';
