import type { Readable } from 'node:stream';
import { z } from 'zod';
import { ResourceOwnership } from '../../../core/model/access/holder.ts';
import type { ServiceRules } from '../rules.ts';

export interface SkillFile {
  /** Relative. A top-level folder that all files share must have the skill's name. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Absent: true for a file that begins with `#!`. */
  readonly executable?: boolean | undefined;
}
/** `name` and `description` come from the newest version. */
export const Skill = z.object({
  id: z.string(), // skill_ and 24 hex digits
  name: z.string(),
  description: z.string(),
  displayName: z.string().nullable(),
  ...ResourceOwnership.shape,
  /** Available to every session and template. Only administrators can share skills. */
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
export type SkillFileEntry = z.infer<typeof SkillEntry>;
/** Immutable. */
export const SkillVersion = z.object({
  id: z.string(), // skillver_ and 24 hex digits
  skillId: z.string(),
  /** Starts at 1. */
  number: z.int(),
  name: z.string(),
  description: z.string(),
  license: z.string().nullable(),
  compatibility: z.string().nullable(),
  argumentHint: z.string().optional(),
  /** Tools that the author expects the skill to use. Grants no permission. */
  allowedTools: z.array(z.string()).readonly(),
  files: z.array(SkillEntry).readonly(),
  createdAt: z.number(),
});
export type SkillVersion = z.infer<typeof SkillVersion>;
export const SkillCheckResult = z.object({
  name: z.string().nullable(),
  /** If not empty, the skill cannot be uploaded. */
  problems: z.array(z.string()).readonly(),
  warnings: z.array(z.string()).readonly(),
});
export type SkillCheckResult = z.infer<typeof SkillCheckResult>;
export interface SkillUpload {
  readonly files: readonly SkillFile[];
  readonly displayName?: string | null | undefined;
  /** Absent: a new skill is shared if an administrator uploads it outside any project. */
  readonly shared?: boolean | undefined;
  readonly projectId?: string | null | undefined;
}

/**
 * Folders with instructions and scripts that agents read when needed. Methods that take an id reject with not_found for an
 * unknown skill.
 *
 * @example
 * const { id } = await skills.create({ files: [{ path: 'pdf/SKILL.md', bytes }] });
 */
export interface SkillService {
  /** Sorted by name. `owner` limits the list to that owner, `projects` and shared skills. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Skill[]>;
  /** Reports every problem. Stores nothing. */
  check(files: readonly SkillFile[]): Promise<SkillCheckResult>;
  /** Rejects: invalid_request (problems that `check` reports), conflict (the name is taken), quota, payload_too_large. */
  create(upload: SkillUpload & { readonly owner?: string }): Promise<Skill>;
  get(id: string): Promise<Skill>;
  /** Rejects as `create` does, and with invalid_request if the files name a different skill. */
  addVersion(id: string, upload: Pick<SkillUpload, 'files'>): Promise<SkillVersion>;
  /** Newest first. */
  versions(id: string): Promise<readonly SkillVersion[]>;
  /** `version` is the version's id, its number, or `latest`. */
  version(id: string, version: string): Promise<SkillVersion>;
  /** A zip file that contains one folder, named after the skill. */
  download(id: string, version: string): Promise<{ readonly name: string; readonly content: Readable }>;
  /** Rejects: file_not_found, invalid_request (the file is not text or is larger than 1 MiB). */
  read(id: string, version: string, file: string): Promise<string>;
  /** New runs then fail in sessions that use the skill. Rejects: conflict (a template uses it). */
  delete(id: string): Promise<void>;
  /** Rejects: conflict (a template uses the version, or it is the skill's only version). */
  deleteVersion(id: string, version: string): Promise<void>;
  /** Lists the templates that use the skill. A null `version` means the newest version. */
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
