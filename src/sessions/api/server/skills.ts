import type { Readable } from 'node:stream';
import { z } from 'zod';
import { Holder } from '../../../core/model/access/holder.ts';
import type { ServiceRules } from '../rules.ts';

/** A file of a skill as its author hands it over. */
export interface SkillFile {
  /** Relative; all files of a skill may have one folder in common, which then has the name of the skill. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Absent: a file that begins with `#!` is. */
  readonly executable?: boolean | undefined;
}
/** The name and the description are those of its newest version. */
export const Skill = z.object({
  id: z.string(), // skill_ and 24 hex digits
  /** The same for all of its versions. */
  name: z.string(),
  description: z.string(),
  /** The name for people that its author chose; null: none. */
  displayName: z.string().nullable(),
  ...Holder.shape,
  /** Everybody's sessions can have it, and templates can name it. Only administrators share skills. */
  shared: z.boolean(),
  latestVersion: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type Skill = z.infer<typeof Skill>;
const SkillEntry = z.object({
  path: z.string(), // relative to the skill's folder
  size: z.int(),
  executable: z.boolean(),
});
export type SkillEntry = z.infer<typeof SkillEntry>;
/** A version never changes. */
export const SkillVersion = z.object({
  id: z.string(), // skillver_ and 24 hex digits
  skillId: z.string(),
  /** 1, 2, 3 and so on. */
  number: z.int(),
  name: z.string(),
  description: z.string(),
  license: z.string().nullable(),
  compatibility: z.string().nullable(),
  /** The tools that its author has in mind. They give no right. */
  allowedTools: z.array(z.string()).readonly(),
  files: z.array(SkillEntry).readonly(),
  createdAt: z.number(),
});
export type SkillVersion = z.infer<typeof SkillVersion>;
export interface SkillCheck {
  readonly name: string | null;
  /** The folder cannot be uploaded while there are any. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}
export interface SkillUpload {
  readonly files: readonly SkillFile[];
  readonly displayName?: string | null | undefined;
  /** Absent: as it is with its other versions; a new skill of an administrator is shared. */
  readonly shared?: boolean | undefined;
  /** The project in whose sessions agents can read it. */
  readonly projectId?: string | null | undefined;
}

/**
 * Skills: folders with instructions and scripts that agents read when they need them. Every method that takes an id rejects
 * with not_found for an unknown skill.
 *
 * @example
 * const { id } = await skills.create({ files: [{ path: 'pdf/SKILL.md', bytes }] });
 */
export interface SkillService {
  /** By name; only those of that owner and of the projects, and shared ones, if `owner` is set. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Skill[]>;
  /** Says everything that is wrong with a folder. Stores nothing. */
  check(files: readonly SkillFile[]): Promise<SkillCheck>;
  /** Rejects: invalid_request (what `check` says), conflict (the name is taken), quota, payload_too_large. */
  create(upload: SkillUpload & { readonly owner?: string }): Promise<Skill>;
  get(id: string): Promise<Skill>;
  /** Adds a version. Rejects as `create` does, and invalid_request for another name. */
  addVersion(id: string, upload: Pick<SkillUpload, 'files'>): Promise<SkillVersion>;
  /** The newest first. */
  versions(id: string): Promise<readonly SkillVersion[]>;
  /** `version`: its id, its number, or `latest`. */
  version(id: string, version: string): Promise<SkillVersion>;
  /** A zip file: one folder with the name of the skill. */
  download(id: string, version: string): Promise<{ readonly name: string; readonly content: Readable }>;
  /** The text of one file. Rejects: file_not_found, invalid_request (no text). */
  read(id: string, version: string, file: string): Promise<string>;
  /** Rejects: conflict (a template names it). Sessions that have it lose it. */
  delete(id: string): Promise<void>;
  /** Rejects: conflict (a template names it, or it is the only one). */
  deleteVersion(id: string, version: string): Promise<void>;
  /** The templates that name it, with the version that they want; null: the newest. */
  pins(id: string): Promise<readonly { readonly template: string; readonly version: number | null }[]>;
}

export const skillRules: ServiceRules<SkillService> = {
  list: { may: 'list', audit: null },
  check: { may: 'user', audit: null },
  create: { may: 'create', audit: 'skill.create' },
  get: { may: 'read', audit: null },
  addVersion: { may: 'work', audit: 'skill.version' },
  versions: { may: 'read', audit: null },
  version: { may: 'read', audit: null },
  download: { may: 'read', audit: null },
  read: { may: 'read', audit: null },
  delete: { may: 'stop', audit: 'skill.delete' },
  deleteVersion: { may: 'stop', audit: 'skill.delete-version' },
  pins: { may: 'read', audit: null },
};
