import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import type {
  Skill as SkillDoc,
  SkillFile,
  SkillService,
  SkillVersion as VersionDoc,
} from '../../sessions/api/server/skills.ts';

// Skills as clients see and upload them. Times are ISO 8601 in UTC; the bytes of files are base64.

const missing = (what: string) => new AppError('not_found', `There is no such ${what}.`);
export const SkillId = z.string().transform((given): string => {
  if (/^skill_[0-9a-f]{24}$/.test(given)) return given;
  throw missing('skill');
});
/** The version of a skill: an id, a number, or `latest`. */
export const VersionName = z.string().transform((given): string => {
  if (/^(skillver_[0-9a-f]{24}|[1-9][0-9]{0,5}|latest)$/.test(given)) return given;
  throw missing('version of the skill');
});
const base64 = z.base64().max(45_000_000);
const SkillFiles = z
  .array(
    z.strictObject({
      /** Relative, such as `pdf/SKILL.md`. */
      path: z.string().min(1).max(500),
      content: base64,
      /** Absent: a file that begins with `#!` is. */
      executable: z.boolean().optional(),
    }),
  )
  .max(1_000);
export const NewSkill = z.strictObject({
  files: SkillFiles,
  displayName: z.string().min(1).max(255).nullable().default(null),
  /** Everybody's sessions can have it, and templates can name it. Only administrators share skills. */
  shared: z.boolean().optional(),
});
export const SkillFolder = z.strictObject({ files: SkillFiles });

const time = z.iso.datetime();
export const Skill = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  displayName: z.string().nullable(),
  shared: z.boolean(),
  latestVersion: z.string(),
  createdAt: time,
  updatedAt: time,
});
export const SkillVersion = z.object({
  id: z.string(),
  skillId: z.string(),
  /** 1, 2, 3 and so on. */
  number: z.int(),
  name: z.string(),
  description: z.string(),
  license: z.string().nullable(),
  compatibility: z.string().nullable(),
  /** The tools that its author has in mind. They give no right. */
  allowedTools: z.array(z.string()).readonly(),
  files: z.array(z.object({ path: z.string(), size: z.int(), executable: z.boolean() })).readonly(),
  createdAt: time,
});
/** A template that names the skill; `version` null: the newest. */
const SkillPin = z.object({ template: z.string(), version: z.int().nullable() });
export const SkillDetail = Skill.extend({ versions: z.array(SkillVersion), pins: z.array(SkillPin) });
export const SkillCheck = z.object({
  name: z.string().nullable(),
  /** The folder cannot be uploaded while there are any. */
  problems: z.array(z.string()).readonly(),
  warnings: z.array(z.string()).readonly(),
});

const iso = (ms: number): string => new Date(ms).toISOString();
export const toFiles = (files: z.output<typeof SkillFiles>): SkillFile[] =>
  files.map(({ path, content, executable }) => ({ path, bytes: Buffer.from(content, 'base64'), executable }));
export const toSkill = ({ owner: _, ...doc }: SkillDoc): z.output<typeof Skill> => ({
  ...doc,
  createdAt: iso(doc.createdAt),
  updatedAt: iso(doc.updatedAt),
});
export const toVersion = (doc: VersionDoc): z.output<typeof SkillVersion> => ({
  id: doc.id,
  skillId: doc.skillId,
  number: doc.number,
  name: doc.name,
  description: doc.description,
  license: doc.license,
  compatibility: doc.compatibility,
  allowedTools: doc.allowedTools,
  files: doc.files,
  createdAt: iso(doc.createdAt),
});
export async function toDetail(service: SkillService, id: string): Promise<z.output<typeof SkillDetail>> {
  const skill = await service.get(id);
  const [versions, pins] = await Promise.all([service.versions(id), service.pins(id)]);
  return { ...toSkill(skill), versions: versions.map(toVersion), pins: [...pins] };
}
