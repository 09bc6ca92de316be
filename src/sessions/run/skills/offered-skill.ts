/** A version of an uploaded skill, as used by the runs of a session. */
export interface OfferedSkill {
  readonly name: string;
  readonly description: string;
  /** The version's id. */
  readonly version: string;
  /** The skill's folder in the sandbox, relative to the workspace. */
  readonly folder: string;
  /** The text of a file. Rejects: file_not_found, invalid_request (not text). */
  read(file: string): Promise<string>;
}
