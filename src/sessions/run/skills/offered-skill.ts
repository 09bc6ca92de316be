export interface OfferedSkill {
  readonly name: string;
  readonly description: string;
  readonly argumentHint?: string | undefined;
  readonly version: string;
  /** Relative to the workspace, or to the worker's folder in a self-hosted environment. */
  readonly folder: string;
  /** Rejects: not_found (the version was deleted), file_not_found, invalid_request (not text, or too long). */
  read(file: string): Promise<string>;
}
