import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequestError } from '../../http/errors/error-style.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { type FormPart, readMultipartFiles } from '../../http/transport/multipart.ts';
import { parseFileName, type StagedUpload, type UploadService } from '../../sessions/projects/uploads.ts';

export function mountRawBodyRoutes(app: App, mount: (scope: App) => void): void {
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.addHook('preHandler', (request, _reply, done) => {
      request.body ??= Readable.from([]);
      done();
    });
    mount(scope);
  });
}

/** Some clients read the response only after sending the whole body, so the rest is drained. */
export async function* readBodyChunks(body: unknown): AsyncGenerator<Uint8Array> {
  if (!(body instanceof Readable)) return;
  try {
    yield* body.iterator({ destroyOnReturn: false });
  } finally {
    body.resume();
  }
}

interface Upload {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly uploads: Pick<UploadService, 'stage'>;
  readonly projectId: string | null;
  readonly maxFiles: number;
}

/**
 * Deletes staged files that `keep` does not keep. Rejects: invalid_request (no files, an invalid file name, or an
 * unreadable body), payload_too_large.
 */
export async function receiveFiles<Kept>(
  { request, reply, uploads, projectId, maxFiles }: Upload,
  keep: (staged: readonly StagedUpload[], texts: ReadonlyMap<string, string>) => Promise<Kept>,
): Promise<Kept> {
  const signal = abortOnDisconnect(reply);
  await using received = new AsyncDisposableStack();
  const stage = async ({ filename, mimeType, content }: FormPart) => {
    const name = parseFileName(filename);
    if (name === undefined)
      throw unfit('value_error', 'needs a file name of at most 255 bytes, without control characters');
    return received.use(await uploads.stage({ projectId, name, type: 'input', mimeType, content }, signal));
  };
  const texts = new Map<string, string>();
  const staged = await readMultipartFiles(request, { files: maxFiles, texts }, stage);
  if (staged.length === 0) throw unfit('missing', 'Field required');
  // Idempotency compares `rawBody`, so a retry with the same files matches the first request although its multipart
  // boundary differs.
  const content = staged.map(({ file: { name, mimeType, sha256 } }) => [name, mimeType, sha256]);
  request.rawBody = Buffer.from(JSON.stringify([content, [...texts]]));
  return await keep(staged, texts);
}
const unfit = (type: string, msg: string) =>
  new InvalidRequestError([{ type, loc: ['body', 'file'], msg }], `file: ${msg}`);
