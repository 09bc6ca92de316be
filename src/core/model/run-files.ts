// The files of a workspace as a run finds them, kept in the workspace itself. The daemon keeps those of a small
// workspace;
// of a larger one, a script does.

/** Where they are kept, relative to the workspace. */
export const runFiles = '.corral/run';
/** Folders of programs, whose files nobody wants to compare. */
export const uncomparedFolders: readonly string[] = [
  ...['.git', 'node_modules', '.corral', '.agent_logs', '.venv', '__pycache__'],
];
export const runFileLimits = {
  /** The files of the list. */
  files: 20_000,
  copies: 2_000,
  /** The bytes of one copied file. */
  copyBytes: 256 * 1024,
  /** The bytes of all copied files together. */
  copiedBytes: 16 * 1024 * 1024,
} as const;

/** The whole outputs of commands. */
export const outputFiles = '.corral/output';
/** The conversation has all of an output that is no longer, so its file alone does not make a workspace another one. */
export const shownOutputBytes = 4 * 1024;

/** The uploaded skills of the session, read-only. */
export const skillFiles = '.corral/skills';

/** The commits of checkpoints. They belong to their session, so a fork begins without them. */
export const checkpointFiles = '.corral/checkpoints';

/** The memory stores of a session, a folder each, where agents find them and in the workspace. */
export const memoryMount = '/mnt/memory';
export const memoryFiles = '.session/memory';
