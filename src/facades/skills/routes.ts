import { z } from 'zod';
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
} from '../../api/views/skills.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { bytes, describing, ok } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import type { SkillService } from '../../sessions/api/server/skills.ts';

const base = '/api/v1/skills';
const about = describing({ tag: 'Skills', prefix: 'skills', failures: detailFailures });
const byId = z.object({ id: SkillId });
const byVersion = byId.extend({ version: VersionName });
const Ended = z.object({ deleted: z.literal(true) });
const at = '2026-11-24T12:00:00.000Z';
const example: z.output<typeof Skill> = {
  id: 'skill_0123456789abcdef01234567',
  name: 'house-style',
  description: 'How texts of this company are written. Use it for every text that customers read.',
  displayName: null,
  shared: true,
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
const one = ok(Skill, example);

/** The routes of skills, below `/api/v1/skills`. */
export function skillRoutes(service: SkillService): FacadeRoutes {
  return {
    mount(app) {
      mountSkills(app, service);
      mountVersions(app, service);
    },
  };
}

function mountSkills(app: App, service: SkillService): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(Skill.array(), [example]) } },
      config: { doc: about('List', 'List your skills and shared ones, by name') },
    },
    async () => (await service.list()).map(toSkill),
  );
  app.post(
    base,
    {
      schema: { body: NewSkill, response: { 200: one } },
      config: {
        doc: about('Create', 'Upload a folder with SKILL.md as a new skill', {
          bodyExample,
          fails: [400, 403, 409, 413, 422, 429],
        }),
      },
    },
    async ({ body: { files, ...rest } }) => toSkill(await service.create({ ...rest, files: toFiles(files) })),
  );
  app.post(
    `${base}/check`,
    {
      schema: {
        body: SkillFolder,
        response: { 200: ok(SkillCheck, { name: example.name, problems: [], warnings: [] }) },
      },
      config: {
        doc: about('Check', 'Say what is wrong with a folder; nothing is stored', {
          bodyExample,
          fails: [403, 413, 422],
        }),
      },
    },
    async ({ body }) => await service.check(toFiles(body.files)),
  );
  app.get(
    `${base}/:id`,
    {
      schema: {
        params: byId,
        response: {
          200: ok(SkillDetail, {
            ...example,
            versions: [exampleVersion],
            pins: [{ template: 'writer', version: null }],
          }),
        },
      },
      config: { doc: about('Get', 'Get a skill, its versions, and the templates that name it', { fails: [404] }) },
    },
    async ({ params }) => await toDetail(service, params.id),
  );
  app.delete(
    `${base}/:id`,
    {
      schema: { params: byId, response: { 200: ok(Ended, { deleted: true }) } },
      config: { doc: about('Delete', 'Delete a skill with its versions', { fails: [403, 404, 409] }) },
    },
    async ({ params }) => {
      await service.delete(params.id);
      return { deleted: true as const };
    },
  );
}

function mountVersions(app: App, service: SkillService): void {
  const url = `${base}/:id/versions`;
  app.post(
    url,
    {
      schema: { params: byId, body: SkillFolder, response: { 200: ok(SkillVersion, exampleVersion) } },
      config: {
        doc: about('AddVersion', 'Upload a new version; the name of the skill stays', {
          bodyExample,
          fails: [400, 403, 404, 413, 422, 429],
        }),
      },
    },
    async ({ params, body }) => toVersion(await service.addVersion(params.id, { files: toFiles(body.files) })),
  );
  app.get(
    `${url}/:version`,
    {
      schema: { params: byVersion, response: { 200: ok(SkillVersion, exampleVersion) } },
      config: { doc: about('Version', 'Get a version, by its id, its number or `latest`', { fails: [404] }) },
    },
    async ({ params }) => toVersion(await service.version(params.id, params.version)),
  );
  app.get(
    `${url}/:version/content`,
    {
      schema: { params: byVersion, response: { 200: bytes('The folder as a zip file', 'application/zip') } },
      config: { doc: about('Download', 'Download a version as a zip file', { fails: [404] }) },
    },
    async ({ params }, reply) => {
      const { name, content } = await service.download(params.id, params.version);
      return reply
        .type('application/zip')
        .header('content-disposition', `attachment; filename="${name}.zip"`)
        .send(content as never);
    },
  );
  app.delete(
    `${url}/:version`,
    {
      schema: { params: byVersion, response: { 200: ok(Ended, { deleted: true }) } },
      config: { doc: about('DeleteVersion', 'Delete a version', { fails: [403, 404, 409] }) },
    },
    async ({ params }) => {
      await service.deleteVersion(params.id, params.version);
      return { deleted: true as const };
    },
  );
}
