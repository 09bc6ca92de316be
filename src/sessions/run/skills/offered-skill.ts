export interface OfferedSkill {
  readonly name: string;
  readonly description: string;
  readonly argumentHint?: string | undefined;
  readonly version: string;
  /** Relative to the workspace. */
  readonly folder: string;
  /** Rejects: file_not_found, invalid_request (not text). */
  read(file: string): Promise<string>;
}
