import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readMultipartFolder } from '../../../../http/transport/multipart.ts';
import type { Skill, SkillVersion } from '../../../../sessions/api/server/skills.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import { type ApiRequest, type ApiRoutes, createDeleteHandler } from '../route.ts';
import { parseInput, readListPage, toIsoTime } from '../wire.ts';

const limits = { files: 500, bytes: 30 * 2 ** 20 };
const Texts = z.object({ display_name: z.string().min(1).max(255).optional() });
/** All skills on this server are `custom`. */
const sources = ['custom', 'anthropic', 'anthropic_example', 'plugin'];
/** Lets workers read the skills of their sessions. */
const worker = ['environment', 'session'] as const;

const toSkill = ({ id, name, displayName, latestVersion, createdAt, updatedAt }: Skill) => ({
  id,
  type: 'skill' as const,
  display_name: displayName ?? name,
  latest_version_id: latestVersion,
  source: { type: 'custom' as const },
  created_at: toIsoTime(createdAt),
  updated_at: toIsoTime(updatedAt),
});
const toVersion = ({ id, skillId, name, description, createdAt }: SkillVersion) => ({
  id,
  type: 'skill_version' as const,
  skill_id: skillId,
  name,
  description,
  created_at: toIsoTime(createdAt),
});

async function readFormFolder({ request }: Pick<ApiRequest, 'request'>) {
  const { files, texts } = await readMultipartFolder(request, limits);
  if (files.length === 0)
    throw invalidRequestError('files: Field required. Send each file of the skill as a part files[].');
  const { display_name: displayName = null } = parseInput(Texts, Object.fromEntries(texts));
  // Hashes the files, so the idempotency check recognizes a retry.
  const content = files.map(({ path, bytes }) => [path, createHash('sha256').update(bytes).digest('hex')]);
  request.rawBody = Buffer.from(JSON.stringify([displayName, content]));
  return { files, displayName };
}

export function createSkillRoutes({ skills }: Pick<Services, 'skills'>): ApiRoutes {
  return {
    'POST /v1/skills': {
      least: 'create',
      body: 'stream',
      run: async (apiRequest) => toSkill(await skills.create(await readFormFolder(apiRequest))),
    },
    async 'GET /v1/skills'({ query }) {
      const source = query.one('source') ?? 'custom';
      if (!sources.includes(source)) throw invalidRequestError(`source must be one of ${sources.join(', ')}.`);
      const read = async () => {
        const all = source === 'custom' ? await skills.list() : [];
        return all.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
      };
      return await readListPage({ query, name: `skills ${source}`, most: 1_000, read, show: toSkill });
    },
    'GET /v1/skills/:id': async ({ params: { id = '' } }) => toSkill(await skills.get(id)),
    'DELETE /v1/skills/:id': createDeleteHandler('skill_deleted', (id) => skills.delete(id)),
    'POST /v1/skills/:id/versions': {
      least: 'create',
      body: 'stream',
      async run(apiRequest) {
        const { id = '' } = apiRequest.params;
        await skills.get(id); // rejects unknown skills before the upload is read
        const { files } = await readFormFolder(apiRequest);
        return toVersion(await skills.addVersion(id, { files }));
      },
    },
    async 'GET /v1/skills/:id/versions'({ params: { id = '' }, query }) {
      const read = () => skills.versions(id);
      return await readListPage({ query, name: `versions ${id}`, most: 1_000, read, show: toVersion });
    },
    'GET /v1/skills/:id/versions/:version': {
      worker,
      run: async ({ params: { id = '', version = '' } }) => toVersion(await skills.version(id, version)),
    },
    async 'DELETE /v1/skills/:id/versions/:version'({ params: { id = '', version: target = '' } }) {
      // An operator without read permission can delete a version by its id.
      const version = target.startsWith('skillver_') ? target : (await skills.version(id, target)).id;
      await skills.deleteVersion(id, version);
      return { id: version, type: 'skill_version_deleted' as const };
    },
    'GET /v1/skills/:id/versions/:version/content': {
      worker,
      async run({ params: { id = '', version = '' }, reply }) {
        const { name, content } = await skills.download(id, version);
        reply.header('content-type', 'application/zip');
        reply.header('content-disposition', `attachment; filename="${name}.zip"`);
        return reply.send(content);
      },
    },
  };
}
