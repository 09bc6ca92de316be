import type { FastifyReply, FastifyRequest } from 'fastify';
import { baseName, type Staged, type UploadedFile, type UploadService } from '../../session/projects/uploads.ts';
import { InvalidRequest } from '../shared/error-style.ts';
import { readFiles } from '../shared/multipart.ts';
import type { App } from '../shared/routes.ts';
import { whileConnected } from '../shared/while-connected.ts';
import type { SheikhboxContext } from './context.ts';
import * as doc from './docs-additive.ts';
import { filePath, uploadInfo } from './file-infos.ts';
import { FileParams, MinutesBody, success } from './schemas.ts';

const base = '/api/v1/files';
type Uploads = Pick<UploadService, 'stage' | 'keep' | 'get'>;

/** Uploads files without a project, to attach them to messages. Downloads and deletion use OpenCodex's routes. */
export function mountUploads(app: App, { uploads, ...context }: SheikhboxContext): void {
  if (!uploads) return;
  for (const path of [`${base}/:id`, `${base}/:id/info`]) {
    const route = { doc: path.endsWith('/info') ? doc.fileInfo : doc.file };
    app.get(path, { schema: { params: FileParams }, config: route }, async ({ params }) =>
      success(uploadInfo(await uploads.get(params.id))),
    );
  }
  app.post(
    `${base}/:id/signed-url`,
    { schema: { params: FileParams, body: MinutesBody }, config: { doc: doc.fileLink } },
    async ({ params, body }) => {
      const { id } = await uploads.get(params.id);
      const seconds = body.expire_minutes * 60;
      const what = { method: 'GET', path: filePath(id), purpose: 'file' } as const;
      return success({ signed_url: context.signed.sign(what, seconds * 1_000), expires_in: seconds });
    },
  );
  // A scope of its own, because here a body is a stream that only the handler may read.
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    const bodyLimit = context.maxUploadBytes + 64 * 1024;
    scope.post(base, { config: { doc: doc.uploadFile, upload: true }, bodyLimit }, (request, reply) =>
      upload({ request, reply, uploads, idempotency: context.idempotency }),
    );
  });
}

interface Upload extends Pick<SheikhboxContext, 'idempotency'> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly uploads: Uploads;
}
async function upload({ request, reply, uploads, idempotency }: Upload) {
  const signal = whileConnected(reply);
  await using bytes = new AsyncDisposableStack(); // disposing deletes every file that is not kept
  const [staged] = await readFiles(request, { files: 1 }, async ({ filename, mimeType, content }): Promise<Staged> => {
    const name = baseName(filename);
    if (name === undefined) throw unfit('value_error', 'needs a file name');
    return bytes.use(await uploads.stage({ projectId: null, name, type: 'input', mimeType, content }, signal));
  });
  if (!staged) throw unfit('missing', 'Field required');
  const { name, mimeType, sha256 } = staged.file;
  request.rawBody = Buffer.from(JSON.stringify([name, mimeType, sha256])); // a repeat with the same key must equal this
  return await idempotency.once(request, reply, async () => {
    const [file] = await uploads.keep([staged]);
    return success(uploadInfo(file as UploadedFile));
  });
}
const unfit = (type: string, msg: string) => new InvalidRequest([{ type, loc: ['body', 'file'], msg }], `file: ${msg}`);

/** Configuration requests of the later releases' front ends. */
export function mountFrontEnd(app: App): void {
  app.get('/api/v1/auth/status', { config: { doc: doc.authStatus } }, async () =>
    success({ authenticated: true as const, auth_provider: 'none' as const }),
  );
  app.get('/api/v1/config/frontend', { config: { doc: doc.frontEnd } }, async () =>
    success({
      auth_provider: 'none' as const,
      show_github_button: false,
      github_repository_url: '',
      google_analytics_id: null,
      claw_enabled: false,
    }),
  );
}
