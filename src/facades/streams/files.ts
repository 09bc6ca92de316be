import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import { AppError } from '../../core/errors/errors.ts';
import { bytesReply, okReply } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { formatAttachmentHeader } from '../../http/transport/content-disposition.ts';
import { assertFitsArchive, listFilesRecursively, maxArchivedBytes } from '../shared/archive/files-below.ts';
import { sendFile } from '../shared/byte-range.ts';
import { describeRoute, type StreamDeps, StreamParams } from './about.ts';

const path = z.string().min(1).max(4_096);
const PathQuery = z.object({ path: path.describe('in the workspace') });
const FolderQuery = z.object({ path: path.default('.').describe('a folder of the workspace; default: all of it') });
const Written = z.object({ path: z.string(), size: z.int(), version: z.string() });
const binary = z.string().meta({ format: 'binary' });
const file = '/streams/sessions/:sid/file';
const versions = 'The `ETag` is the version of the file; it changes whenever the file does.';

export function mountDownloads(app: App, { streams, files }: StreamDeps): void {
  app.get(
    file,
    describeRoute('Download', 'Download a file of any size, or a part of it', {
      schema: {
        params: StreamParams,
        querystring: PathQuery,
        response: { 200: bytesReply('Its bytes'), 206: bytesReply('The part that `Range` names') },
      },
      config: { stream: true },
      description: `${versions} A \`Range\` of the form \`bytes=0-1023\`, \`bytes=1024-\` or \`bytes=-1024\` asks for a part.`,
      headers: { Range: 'bytes=<first>-<last>' },
      fails: [404, 416, 422],
    }),
    async ({ params, query, headers }, reply) => {
      const [id, signal] = [toSessionId(params.sid), abortOnDisconnect(reply)];
      const { path } = query;
      return await sendFile(reply, { headers, path, open: (part) => streams.download(id, { path, ...part }, signal) });
    },
  );
  app.get(
    '/streams/sessions/:sid/zip',
    describeRoute('Zip', 'Download a folder as a zip file, without hidden folders', {
      schema: {
        params: StreamParams,
        querystring: FolderQuery,
        response: { 200: bytesReply('A zip file', 'application/zip') },
      },
      config: { stream: true },
      description:
        'A file that cannot be packed, such as a link or one that changes while it is read, is left out and named in `LEFT_OUT.txt`.',
      fails: [404, 413, 422],
    }),
    async ({ params, query: { path: start } }, reply) => {
      const id = toSessionId(params.sid);
      const signal = abortOnDisconnect(reply);
      const listing = await listFilesRecursively({ files, id }, { start, skip: isRebuildable, signal });
      assertFitsArchive(listing);
      if (listing.files.length + listing.emptyFolders.length + listing.others.length === 0)
        throw new AppError('file_not_found', 'There are no files to pack in that folder.');
      const open = (at: string) => files.open(id, at, signal);
      const { createZipStream } = await import('../shared/archive/zip.ts');
      reply.header('content-type', 'application/zip').header('cache-control', 'no-store');
      reply.header('content-disposition', formatAttachmentHeader(`${start === '.' ? id : start}.zip`));
      return reply.send(createZipStream(listing, { open, maxPacked: maxArchivedBytes }));
    },
  );
}

/** Too large for an archive, and easy to rebuild. */
const isRebuildable = (folder: string) => /(^|\/)(node_modules|__pycache__)$/.test(folder);

export function mountUpload(scope: App, { streams }: StreamDeps): void {
  scope.put(
    file,
    describeRoute('Upload', 'Upload a file of any size; it replaces an existing one once it is complete', {
      schema: {
        params: StreamParams,
        querystring: PathQuery,
        response: { 200: okReply(Written, { path: 'a.bin', size: 3, version: '3-1700000000.000000000' }) },
      },
      config: { upload: true },
      description: `${versions} With \`If-Match\` only that version is replaced, and any other answers 412.`,
      headers: { 'If-Match': 'the version to replace', 'If-None-Match': '`*`: there must be no such file' },
      fails: [404, 412, 422],
      requestContent: { 'application/octet-stream': binary },
    }),
    async (request, reply) => {
      const { params, query, body } = request;
      const content = (body ?? []) as AsyncIterable<Uint8Array>;
      const replaces = parseIfMatch(request);
      const requested = { path: query.path, ...(replaces !== undefined && { replaces }) };
      const { size, version } = await streams.upload(
        toSessionId(params.sid),
        requested,
        content,
        abortOnDisconnect(reply),
      );
      reply.header('etag', `"${version}"`);
      return { path: query.path, size, version };
    },
  );
}

function parseIfMatch({ headers }: FastifyRequest): string | null | undefined {
  if (headers['if-none-match'] === '*') return null;
  const message = headers['if-match'];
  if (message === undefined || message === '*') return undefined;
  const [, version] = /^"([^",]{1,100})"$/.exec(message) ?? [];
  if (version === undefined) throw new AppError('invalid_request', 'If-Match must be one version in quotes.');
  return version;
}
