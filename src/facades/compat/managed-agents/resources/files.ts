import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { AppError, toAppError } from '../../../../core/errors/errors.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import { pictureHeadBytes } from '../../../../core/text/pictures.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import { formatAttachmentHeader } from '../../../../http/transport/content-disposition.ts';
import {
  computeFileExpiry,
  FileDocumentContent,
  type StoredDocument,
} from '../../../../sessions/api/server/documents.ts';
import type { UploadedFile } from '../../../../sessions/projects/uploads.ts';
import { contentTypeOf } from '../../../shared/archive/mime.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { receiveFiles } from '../../../shared/uploads.ts';
import { invalidRequestError, ManagedAgentsError, unsupportedFieldError } from '../errors.ts';
import type { ApiRequest, ApiRoutes } from '../route.ts';
import type { ContentFileStore } from '../sessions/content.ts';
import { parseSessionId, parseUploadId, toApiSessionId } from '../sessions/ids.ts';
import { paginate, parseInput, toIsoTime, toIsoTimeOrNull, withoutPreviousPage } from '../wire.ts';
import { readDocument } from './agent-content.ts';

export interface FileDeps extends Pick<FacadeDeps, 'services' | 'projects' | 'clock'> {
  readonly ids: () => string;
}

const UploadTexts = z.object({
  expires_in_seconds: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((seconds) => seconds >= 3_600 && seconds <= 7_776_000, 'must be from 3600 to 7776000')
    .optional(),
});

/** Rejects: not_found (including for an expired file), unsupported (this server keeps no files). */
export async function findUploadId(
  id: string,
  deps: Pick<FileDeps, 'services' | 'clock' | 'projects'>,
): Promise<string> {
  const own = parseUploadId(id);
  if (own !== undefined) return (await uploadsOf(deps).get(own)).id;
  return FileDocumentContent.parse((await live(id, deps)).content).upload;
}
function uploadsOf({ projects }: Pick<FileDeps, 'projects'>) {
  if (!projects) throw new AppError('unsupported', 'This server keeps no files.');
  return projects.uploads;
}

export const createContentFileStore = (
  deps: Pick<FileDeps, 'services' | 'clock' | 'projects'> & Partial<Pick<FacadeDeps, 'fetchPage'>>,
  signal: AbortSignal,
  session?: SessionId,
): ContentFileStore => ({
  async fetched(address) {
    if (!deps.fetchPage || !session)
      throw unsupportedFieldError('content.source.type "url"', 'send the bytes as base64, or upload the file');
    await deps.services.sessions.update(session, {}); // refuses callers who cannot change the session
    return await deps.fetchPage(address, session, signal);
  },
  resolveUpload: (id) => findUploadId(id, deps),
  async readHead(upload) {
    const { size, name } = await uploadsOf(deps).get(upload);
    const range = { start: 0, end: Math.max(0, Math.min(size, pictureHeadBytes) - 1) };
    return { head: await buffer(await uploadsOf(deps).open(upload, range)), size, name };
  },
  async keep({ name, mimeType, bytes }) {
    const uploads = uploadsOf(deps);
    const file = { projectId: null, name, type: 'input', mimeType, content: Readable.from([bytes]) } as const;
    await using staged = await uploads.stage(file, signal);
    const [kept] = await uploads.keep([staged]);
    if (!kept) throw new AppError('internal', 'A file was not kept.');
    return kept.id;
  },
});

async function live(id: string, { services, clock }: Pick<FileDeps, 'services' | 'clock'>): Promise<StoredDocument> {
  const doc = await readDocument(services.documents, 'file', id);
  const expiresAt = computeFileExpiry(doc);
  if (expiresAt !== null && expiresAt <= clock.now())
    throw new ManagedAgentsError('not_found', `The file ${id} has expired.`, { errorCode: 'file_expired' });
  return doc;
}

function toFile({ id, content, createdAt }: StoredDocument) {
  const { filename, mimeType, size } = FileDocumentContent.parse(content);
  return {
    id,
    type: 'file' as const,
    filename,
    mime_type: mimeType,
    size_bytes: size,
    created_at: toIsoTime(createdAt),
    downloadable: false,
    expires_at: toIsoTimeOrNull(computeFileExpiry({ content, createdAt })),
    scope: null as { readonly type: 'session'; readonly id: string } | null,
  };
}

const fileOfUpload = (
  id: string,
  { name, mimeType, size, uploadedAt, type }: UploadedFile,
): ReturnType<typeof toFile> => ({
  id,
  type: 'file',
  filename: name,
  mime_type: mimeType ?? contentTypeOf(name),
  size_bytes: size,
  created_at: toIsoTime(uploadedAt),
  downloadable: type === 'output',
  expires_at: null,
  scope: null,
});

const outputs = '.session/outputs';
const apiOutputId = (id: SessionId, path: string): string => `file_o${id}${Buffer.from(path).toString('hex')}`;
function parseOutputId(word: string): { readonly id: SessionId; readonly path: string } | undefined {
  const found = /^file_o([0-9a-f]{16})((?:[0-9a-f]{2})+)$/.exec(word);
  if (!found) return undefined;
  const path = Buffer.from(found[2] ?? '', 'hex').toString();
  return path.split('/').includes('..') ? undefined : { id: parseSessionId(`sesn_${found[1]}`), path };
}

export function createFileRoutes(deps: FileDeps): ApiRoutes {
  const { services, clock } = deps;
  const { documents, files } = services;
  const uploads = () => uploadsOf(deps);

  const toOutput = (id: SessionId, path: string, { size, modified }: { size: number | null; modified: string }) => ({
    id: apiOutputId(id, path),
    type: 'file' as const,
    filename: path.split('/').at(-1) ?? path,
    mime_type: contentTypeOf(path),
    size_bytes: size ?? 0,
    created_at: toIsoTime(Date.parse(modified)),
    downloadable: true,
    expires_at: null as string | null,
    scope: { type: 'session' as const, id: toApiSessionId(id) } as {
      readonly type: 'session';
      readonly id: string;
    } | null,
  });

  /** Includes files in subfolders. Empty if the session never had a sandbox. */
  async function listOutputs(id: SessionId, signal: AbortSignal) {
    const record = await services.sessions.get(id);
    await services.sessions.page(id, 0, 1); // requires read access to the session
    if (record.sandboxState === 'created') return [];
    const folders = [''];
    const found = [];
    for (const folder of folders) {
      const path = folder === '' ? outputs : `${outputs}/${folder}`;
      const entries = await files.list(id, path, signal).catch((thrown: unknown) => {
        if (toAppError(thrown).code === 'file_not_found') return [];
        throw thrown;
      });
      for (const entry of entries) {
        const below = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.type === 'directory' && folders.length < maxFolders) folders.push(below);
        if (entry.type === 'file') found.push(toOutput(id, below, entry));
      }
    }
    return found;
  }
  async function one(id: string, { reply }: ApiRequest) {
    const output = parseOutputId(id);
    const upload = parseUploadId(id);
    if (upload !== undefined) return fileOfUpload(id, await uploads().get(upload));
    if (!output) return toFile(await live(id, deps));
    const found = (await listOutputs(output.id, abortOnDisconnect(reply))).find((file) => file.id === id);
    if (!found) throw new AppError('not_found', `There is no file ${id}.`);
    return found;
  }

  return {
    'POST /v1/files': {
      least: 'create',
      body: 'stream',
      async run({ request, reply }) {
        return await receiveFiles(
          { request, reply, uploads: uploads(), projectId: null, maxFiles: 1 },
          async (staged, texts) => {
            const { expires_in_seconds: expiresIn } = parseInput(UploadTexts, Object.fromEntries(texts));
            const [file] = await uploads().keep(staged);
            if (!file) throw invalidRequestError('file: Field required');
            const content = {
              upload: file.id,
              filename: file.name,
              mimeType: file.mimeType ?? contentTypeOf(file.name),
              size: file.size,
              lifeMs: expiresIn === undefined ? null : expiresIn * 1_000,
            };
            return toFile(await documents.create({ kind: 'file', content }));
          },
        );
      },
    },
    async 'GET /v1/files'(apiRequest) {
      const { query, reply } = apiRequest;
      const ids = query.all('ids');
      if (ids.length > 100) throw invalidRequestError('ids: at most 100.');
      if (ids.length > 0) return { data: await known(ids, apiRequest), next_page: null };
      const limit = query.integer('limit', { min: 1, max: 1_000, usual: 20 });
      const scope = query.one('scope_id');
      const all =
        scope === undefined ? await ownFiles() : await listOutputs(parseSessionId(scope), abortOnDisconnect(reply));
      return withoutPreviousPage(paginate(all, { limit, page: query.one('page'), name: `files ${scope ?? ''}` }));
    },
    'GET /v1/files/:id': async (apiRequest) => await one(apiRequest.params.id ?? '', apiRequest),
    async 'GET /v1/files/:id/content'(apiRequest) {
      const { params, reply } = apiRequest;
      const id = params.id ?? '';
      const output = parseOutputId(id);
      if (!output) {
        const upload = await findUploadId(id, deps);
        const { type, name, mimeType, size } = await uploads().get(upload);
        if (type === 'output' && parseUploadId(id) !== undefined) {
          reply
            .header('content-type', mimeType ?? contentTypeOf(name))
            .header('content-length', size)
            .header('content-disposition', formatAttachmentHeader(name));
          return reply.send(await uploads().open(upload));
        }
        throw new ManagedAgentsError(
          'invalid_request',
          'Uploads cannot be downloaded; files that sessions wrote can.',
          {
            errorCode: 'file_not_downloadable',
          },
        );
      }
      await services.sessions.page(output.id, 0, 1);
      const { content, size } = await files.open(output.id, `${outputs}/${output.path}`, abortOnDisconnect(reply));
      reply
        .header('content-type', contentTypeOf(output.path))
        .header('content-length', size)
        .header('content-disposition', formatAttachmentHeader(output.path));
      return reply.send(content);
    },
    async 'DELETE /v1/files/:id'({ params, reply }) {
      const id = params.id ?? '';
      const output = parseOutputId(id);
      if (output) await files.remove(output.id, `${outputs}/${output.path}`, abortOnDisconnect(reply));
      else {
        await readDocument(documents, 'file', id);
        await documents.delete(id);
      }
      return { id, type: 'file_deleted' as const };
    },
  };

  async function ownFiles() {
    const now = clock.now();
    return (await documents.list('file'))
      .filter((doc) => (computeFileExpiry(doc) ?? Number.POSITIVE_INFINITY) > now)
      .map(toFile);
  }
  async function known(ids: readonly string[], apiRequest: ApiRequest) {
    const found = await Promise.all(
      ids.map((id) =>
        one(id, apiRequest).catch((thrown: unknown) => {
          if (['not_found', 'session_not_found'].includes(toAppError(thrown).code)) return [];
          throw thrown;
        }),
      ),
    );
    return found.flat();
  }
}
const maxFolders = 200;
