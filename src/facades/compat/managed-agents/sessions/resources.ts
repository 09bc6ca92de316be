import { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { SessionAgent } from '../../../../core/model/session-agent.ts';
import { Secret } from '../../../../core/text/secret.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import { invalidRequestError } from '../errors.ts';
import { type FileDeps, findUploadId } from '../resources/files.ts';
import type { ApiRoutes } from '../route.ts';
import { parseInput, readListPage } from '../wire.ts';
import { maxSessionFiles, prepareFileResources, ResourceRequest } from './create.ts';
import { parseSessionId } from './ids.ts';
import { type ManagedSessionContent, parseManagedSessionContent } from './kept-session.ts';
import { AuthorizationToken, putRepositoryToken } from './repository-resources.ts';

const idOf = (resource: ManagedSessionContent['resources'][number]): string =>
  resource.type === 'memory_store' ? resource.memory_store_id : resource.id;
const uploads = '/mnt/session/uploads/';
const TokenChange = z.looseObject({ authorization_token: AuthorizationToken });

export function createSessionResourceRoutes(parts: FileDeps): ApiRoutes {
  const { services, clock, ids } = parts;
  const { sessions, files } = services;
  const found = async (params: { readonly id?: string | undefined }) => {
    const record = await sessions.get(parseSessionId(params.id ?? ''));
    await sessions.page(record.id, 0, 1); // refuses a caller without read access
    return record;
  };
  const one = (record: SessionRecord, id = '') => {
    const resource = parseManagedSessionContent(record)?.resources.find((it) => idOf(it) === id);
    if (!resource) throw new AppError('not_found', `The session has no resource ${id}.`);
    return resource;
  };
  /** Rejects: invalid_request if another API created the session. */
  const change = async (
    { id, agent }: SessionRecord,
    kept: ManagedSessionContent | undefined,
    next: {
      readonly files: NonNullable<SessionAgent['files']>;
      readonly resources: ManagedSessionContent['resources'];
    },
  ) => {
    if (!agent || !kept) throw invalidRequestError('Only a session that was made by this API can have resources.');
    const changed = { ...agent, files: [...next.files], kept: { ...kept, resources: next.resources } };
    return await sessions.update(id, { agent: changed });
  };

  return {
    async 'GET /v1/sessions/:id/resources'({ params, query }) {
      const record = await found(params);
      const all = parseManagedSessionContent(record)?.resources ?? [];
      const read = async () => all.map((resource) => ({ id: idOf(resource), resource }));
      const name = `resources ${record.id}`;
      return await readListPage({ query, name, most: 1_000, usual: 1_000, read, show: ({ resource }) => resource });
    },
    async 'POST /v1/sessions/:id/resources'({ params, body }) {
      const record = await found(params);
      const kept = parseManagedSessionContent(record);
      const { resources = [] } = kept ?? {};
      const requested = parseInput(ResourceRequest, body);
      if (record.archived) throw invalidRequestError('The session is archived.', 'session_archived');
      if (record.agent?.environment !== undefined)
        throw invalidRequestError('`resources` are not supported with self-hosted environments.', 'not_supported');
      if (requested.type !== 'file')
        throw invalidRequestError(
          'A session gets its memory stores and repositories when it is made. Later it can get files.',
        );
      const own = resources.filter(({ type }) => type === 'file');
      if (own.length >= maxSessionFiles) throw invalidRequestError(`A session has at most ${maxSessionFiles} files.`);
      const taken = own.map(({ mount_path: path }) => path.slice(uploads.length));
      const deps = {
        resolveUpload: (file: string) => findUploadId(file, parts),
        newId: () => `${ids()}${ids()}`,
        now: () => clock.now(),
      };
      const [created] = await prepareFileResources([requested], deps, taken);
      if (!created) throw invalidRequestError('A resource is a file.');
      const all = [...(record.agent?.files ?? []), created.file];
      await change(record, kept, { files: all, resources: [...resources, created.shown] });
      return created.shown;
    },
    'GET /v1/sessions/:id/resources/:resource': async ({ params }) => one(await found(params), params.resource),
    async 'POST /v1/sessions/:id/resources/:resource'({ params, body }) {
      const record = await found(params);
      const resource = one(record, params.resource);
      const { authorization_token: token } = parseInput(TokenChange, body);
      if (resource.type !== 'github_repository')
        throw invalidRequestError('authorization_token belongs to repositories; this resource is none.');
      await putRepositoryToken(services.sessionCredentials, record.id, {
        url: resource.url,
        token: new Secret(token),
      });
      return resource;
    },
    async 'DELETE /v1/sessions/:id/resources/:resource'({ params, reply }) {
      const record = await found(params);
      const kept = parseManagedSessionContent(record);
      const resource = one(record, params.resource);
      if (resource.type !== 'file') {
        // Checks access first, so that the error below does not reveal the resource's type.
        await sessions.update(record.id, {});
        throw invalidRequestError(
          'Only files can be removed from a session. Its other resources stay until it is deleted.',
        );
      }
      const path = resource.mount_path.slice(uploads.length);
      await change(record, kept, {
        files: (record.agent?.files ?? []).filter((file) => file.path !== path),
        resources: (kept?.resources ?? []).filter((one) => one.type !== 'file' || one.id !== resource.id),
      });
      if (record.sandboxState === 'running')
        // the agent may have moved the file
        await files.remove(record.id, `.session/uploads/${path}`, abortOnDisconnect(reply)).catch(() => {});
      return { id: resource.id, type: 'session_resource_deleted' as const };
    },
  };
}
