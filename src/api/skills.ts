import { z } from 'zod';
import { AppError } from '../core/errors/errors.ts';
import * as stored from '../sessions/api/server/skills.ts';
import { defineOperations, procedure, router } from './procedure/procedure.ts';
import { awaitOkResult, IsoTime, OwningProjectInput, okOperationFields } from './procedure/schemas.ts';

const missing = (what: string) => new AppError('not_found', `There is no such ${what}.`);
export const SkillId = z.string().transform((value): string => {
  if (/^skill_[0-9a-f]{24}$/.test(value)) return value;
  throw missing('skill');
});
export const SkillVersionName = z.string().transform((value): string => {
  if (/^(skillver_[0-9a-f]{24}|[1-9][0-9]{0,5}|latest)$/.test(value)) return value;
  throw missing('version of the skill');
});
const base64 = z.base64().max(45_000_000);
const SkillFiles = z
  .array(
    z.strictObject({
      /** Example: `pdf/SKILL.md`. */
      path: z.string().min(1).max(500),
      content: base64,
      /** Default: true if the file starts with `#!`. */
      executable: z.boolean().optional(),
    }),
  )
  .max(1_000);
const NewSkill = z.strictObject({
  files: SkillFiles,
  displayName: z.string().min(1).max(255).nullable().default(null),
  /** Shares the skill with all users' sessions and templates. Only administrators can share skills. */
  shared: z.boolean().optional(),
  projectId: OwningProjectInput,
});
const SkillFolder = z.strictObject({ files: SkillFiles });

const Skill = stored.Skill.omit({ owner: true }).extend({
  projectId: z.string().nullable().default(null),
  createdAt: IsoTime,
  updatedAt: IsoTime,
});
const SkillVersion = stored.SkillVersion.extend({ createdAt: IsoTime });
/** `version` is null for the newest version. */
const SkillPin = z.object({ template: z.string(), version: z.int().nullable() });
const SkillDetail = Skill.extend({ versions: z.array(SkillVersion).readonly(), pins: z.array(SkillPin).readonly() });

const toFiles = (files: z.output<typeof SkillFiles>): stored.SkillFile[] =>
  files.map(({ path, content, executable }) => ({ path, bytes: Buffer.from(content, 'base64'), executable }));
async function readDetail(service: stored.SkillService, id: string) {
  const skill = await service.get(id);
  const [versions, pins] = await Promise.all([service.versions(id), service.pins(id)]);
  return { ...skill, versions, pins };
}

const byId = z.strictObject({ id: SkillId });
const byVersion = byId.extend({ version: SkillVersionName });
const at = '2026-11-24T12:00:00.000Z';
const example: z.output<typeof Skill> = {
  id: 'skill_0123456789abcdef01234567',
  name: 'house-style',
  description: 'How texts of this company are written. Use it for every text that customers read.',
  displayName: null,
  shared: true,
  projectId: null,
  latestVersion: 'skillver_0123456789abcdef01234567',
  createdAt: at,
  updatedAt: at,
};
const exampleVersion: z.output<typeof SkillVersion> = {
  id: example.latestVersion,
  skillId: example.id,
  number: 1,
  name: example.name,
  description: example.description,
  license: null,
  compatibility: null,
  allowedTools: [],
  files: [{ path: 'SKILL.md', size: 91, executable: false }],
  createdAt: at,
};
const skillMd = '---\nname: house-style\ndescription: How texts are written here.\n---\nWrite short sentences.\n';
const bodyExample = {
  files: [{ path: 'house-style/SKILL.md', content: Buffer.from(skillMd).toString('base64') }],
};

const operation = defineOperations({
  tag: 'Skills',
  prefix: 'skills',
  command: {
    name: 'skill',
    about: 'gives skills to agents: checks, uploads, lists and deletes folders with a SKILL.md',
    args: [['[skill]', 'the folder to check or upload; else the name or id of a skill']],
    examples: [
      'corral skill check ./house-style',
      'corral skill upload ./house-style',
      'corral skill show house-style',
    ],
    columns: ['{id}', '{name}', '{?shared}shared | private', '{description}'],
    hasNames: true,
  },
});
const base = '/api/v1/skills';
const one = { out: Skill, answer: example };
const version = { out: SkillVersion, answer: exampleVersion };

export const skillsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List your skills and shared ones, by name',
    verb: { name: 'ls' },
    may: 'any',
    out: Skill.array().readonly(),
    answer: [example],
  }).query(async ({ ctx }) => await ctx.services.skills.list()),
  create: operation({
    ...one,
    rest: `POST ${base}`,
    summary: 'Upload a folder with SKILL.md as a new skill',
    may: 'create',
    in: NewSkill,
    example: bodyExample,
    fails: [400, 403, 404, 409, 413, 422, 429],
  }).mutation(({ ctx, input: { files, ...rest } }) => ctx.services.skills.create({ ...rest, files: toFiles(files) })),
  check: operation({
    rest: `POST ${base}/check`,
    summary: 'Report the problems of a folder; nothing is stored',
    may: 'create',
    in: SkillFolder,
    out: stored.SkillCheckResult,
    example: bodyExample,
    answer: { name: example.name, problems: [], warnings: [] },
    fails: [403, 413, 422],
  }).mutation(async ({ ctx, input }) => await ctx.services.skills.check(toFiles(input.files))),
  get: operation({
    rest: `GET ${base}/:id`,
    summary: 'Get a skill, its versions, and the templates that use it',
    may: 'read',
    in: byId,
    out: SkillDetail,
    answer: { ...example, versions: [exampleVersion], pins: [{ template: 'writer', version: null }] },
  }).query(async ({ ctx, input }) => await readDetail(ctx.services.skills, input.id)),
  delete: operation({
    rest: `DELETE ${base}/:id`,
    summary: 'Delete a skill with its versions',
    may: 'stop',
    in: byId,
    ...okOperationFields,
    fails: [403, 404, 409],
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.skills.delete(input.id))),
  addVersion: operation({
    ...version,
    rest: `POST ${base}/:id/versions`,
    summary: 'Upload a new version; the name of the skill is kept',
    may: 'work',
    in: SkillFolder.extend(byId.shape),
    example: bodyExample,
    fails: [400, 403, 404, 413, 422, 429],
  }).mutation(
    async ({ ctx, input: { id, files } }) => await ctx.services.skills.addVersion(id, { files: toFiles(files) }),
  ),
  version: operation({
    ...version,
    rest: `GET ${base}/:id/versions/:version`,
    summary: 'Get a version, by its id, its number or `latest`',
    may: 'read',
    in: byVersion,
  }).query(async ({ ctx, input }) => await ctx.services.skills.version(input.id, input.version)),
  read: procedure
    .input(byVersion.extend({ file: z.string().min(1).max(500) }))
    .output(z.object({ text: z.string() }))
    .query(async ({ ctx, input: { id, version, file } }) => ({
      text: await ctx.services.skills.read(id, version, file),
    })),
  deleteVersion: operation({
    rest: `DELETE ${base}/:id/versions/:version`,
    summary: 'Delete a version',
    may: 'stop',
    in: byVersion,
    ...okOperationFields,
    fails: [403, 404, 409],
  }).mutation(({ ctx, input: { id, version } }) => awaitOkResult(ctx.services.skills.deleteVersion(id, version))),
});
