import type { FastifyReply, FastifyRequest } from 'fastify';
import { baseName, type Staged } from '../../session/projects/uploads.ts';
import { InvalidRequest } from '../shared/error-style.ts';
import { readFiles } from '../shared/multipart.ts';
import type { App } from '../shared/routes.ts';
import { whileConnected } from '../shared/while-connected.ts';
import { fileOf, invalid, type OpencodexDeps, projectOf } from './context.ts';
import * as doc from './docs/files.ts';
import { sendFile } from './download.ts';
import { pageOf } from './paging.ts';
import { IdParams, PageQuery, ProjectParams } from './schemas.ts';
import { fileView } from './views.ts';

const base = '/api/v1/files';
const maxFiles = 20;

export function mountFiles(app: App, deps: OpencodexDeps): void {
  const { uploads } = deps;
  app.get(
    `${base}/project/:project_id`,
    { schema: { params: ProjectParams, querystring: PageQuery }, config: { doc: doc.listFiles } },
    async ({ params, query }) => {
      const { id } = await projectOf(deps, params.project_id);
      const { items, total } = pageOf(await uploads.ofProject(id), query);
      return { files: items.map(fileView), total };
    },
  );
  app.get(
    `${base}/:id/download`,
    { schema: { params: IdParams }, config: { doc: doc.download, signed: 'file' } },
    async (request, reply) => {
      const file = await fileOf(deps, request.params.id);
      const { name, size, mimeType, sha256 } = file;
      return await sendFile(request, reply, {
        name,
        size,
        mimeType,
        tag: sha256,
        open: (range) => uploads.open(file.id, range),
      });
    },
  );
  app.delete(
    `${base}/:id`,
    { schema: { params: IdParams }, config: { doc: doc.deleteFile } },
    async ({ params }, reply) => {
      await uploads.delete((await fileOf(deps, params.id)).id);
      return reply.code(204).send();
    },
  );
  // A scope of its own, because here a body is a stream that only the handler may read.
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.post<{ Params: { project_id: string } }>(
      `${base}/upload/:project_id`,
      {
        schema: { params: ProjectParams },
        config: { doc: doc.upload, upload: true },
        bodyLimit: (deps.maxUploadBytes + 64 * 1024) * maxFiles,
      },
      (request, reply) => upload(deps, request, reply),
    );
  });
}

type UploadRequest = FastifyRequest<{ Params: { project_id: string } }>;

async function upload(deps: OpencodexDeps, request: UploadRequest, reply: FastifyReply): Promise<unknown> {
  const { uploads, idempotency } = deps;
  const { id: projectId } = await projectOf(deps, request.params.project_id);
  const signal = whileConnected(reply);
  await using bytes = new AsyncDisposableStack(); // disposing deletes every file that is not kept
  const staged = await readFiles(
    request,
    { files: maxFiles },
    async ({ filename, mimeType, content }): Promise<Staged> => {
      const name = baseName(filename);
      if (name === undefined) throw invalid('body', 'file', 'needs a file name');
      return bytes.use(await uploads.stage({ projectId, name, type: 'input', mimeType, content }, signal));
    },
  );
  if (staged.length === 0) {
    throw new InvalidRequest(
      [{ type: 'missing', loc: ['body', 'file'], msg: 'Field required' }],
      'file: Field required',
    );
  }
  // The hash stands for the content: the same key with the same files is the same request.
  request.rawBody = Buffer.from(
    JSON.stringify(staged.map(({ file: { name, mimeType, sha256 } }) => [name, mimeType, sha256])),
  );
  return await idempotency.once(request, reply.code(201), async () => {
    await projectOf(deps, projectId); // the project may have been deleted during the upload
    const files = (await uploads.keep(staged)).map(fileView);
    return files.length === 1 ? files[0] : { files, total: files.length };
  });
}
