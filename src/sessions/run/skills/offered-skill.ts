/** A version of an uploaded skill, as the runs of one session have it. */
export interface OfferedSkill {
  readonly name: string;
  readonly description: string;
  /** The id of the version. */
  readonly version: string;
  /** The folder of the skill in the sandbox, relative to the workspace. */
  readonly folder: string;
  /** The text of one of its files. Rejects: file_not_found, invalid_request (no text). */
  read(file: string): Promise<string>;
}
