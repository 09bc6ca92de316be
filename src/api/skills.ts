import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done } from './procedure/schemas.ts';
import {
  NewSkill,
  Skill,
  SkillCheck,
  SkillDetail,
  SkillFolder,
  SkillId,
  SkillVersion,
  toDetail,
  toFiles,
  toSkill,
  toVersion,
  VersionName,
} from './views/skills.ts';

const byId = z.strictObject({ id: SkillId });
const byVersion = byId.extend({ version: VersionName });

/** Skills: folders with instructions and scripts, which agents read when they need them. */
export const skillsRouter = router({
  list: procedure.output(z.array(Skill)).query(async ({ ctx }) => (await ctx.services.skills.list()).map(toSkill)),
  /** Says what is wrong with a folder. Nothing is stored. */
  check: procedure
    .input(SkillFolder)
    .output(SkillCheck)
    .mutation(async ({ ctx, input }) => await ctx.services.skills.check(toFiles(input.files))),
  create: procedure
    .input(NewSkill)
    .output(Skill)
    .mutation(async ({ ctx, input: { files, ...rest } }) =>
      toSkill(await ctx.services.skills.create({ ...rest, files: toFiles(files) })),
    ),
  /** With its versions, the newest first, and the templates that name it. */
  get: procedure
    .input(byId)
    .output(SkillDetail)
    .query(async ({ ctx, input }) => await toDetail(ctx.services.skills, input.id)),
  addVersion: procedure
    .input(SkillFolder.extend(byId.shape))
    .output(SkillVersion)
    .mutation(async ({ ctx, input: { id, files } }) =>
      toVersion(await ctx.services.skills.addVersion(id, { files: toFiles(files) })),
    ),
  version: procedure
    .input(byVersion)
    .output(SkillVersion)
    .query(async ({ ctx, input }) => toVersion(await ctx.services.skills.version(input.id, input.version))),
  /** The text of one file. */
  read: procedure
    .input(byVersion.extend({ file: z.string().min(1).max(500) }))
    .output(z.object({ text: z.string() }))
    .query(async ({ ctx, input: { id, version, file } }) => ({
      text: await ctx.services.skills.read(id, version, file),
    })),
  delete: procedure
    .input(byId)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.skills.delete(input.id);
      return done;
    }),
  deleteVersion: procedure
    .input(byVersion)
    .output(Done)
    .mutation(async ({ ctx, input: { id, version } }) => {
      await ctx.services.skills.deleteVersion(id, version);
      return done;
    }),
});
