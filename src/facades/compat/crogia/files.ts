import type { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import type { App } from '../../../http/routes/routes.ts';
import { abortOnDisconnect, abortUnlessIdempotent } from '../../../http/transport/abort-on-disconnect.ts';
import type { FileSearchQuery, FileService } from '../../../sessions/api/files.ts';
import { type CrogiaDeps, describeRoute, wireErrorTexts } from './context.ts';
import * as replies from './replies.ts';
import { ListFilesQuery, SessionParams as params, ReadFileQuery, SearchFilesBody, WriteFileBody } from './schemas.ts';

type ListedFile = Awaited<ReturnType<FileService['list']>>[number];

const base = '/api/sessions/:sid';
const noFile = 'File not found';
const noDirectory = 'Directory not found';
const listing = { ...wireErrorTexts, file_not_found: noDirectory, invalid_request: 'Path is not a directory' };
const reading = { ...wireErrorTexts, file_not_found: noFile, invalid_request: 'Path is not a file' };
const searching = { ...wireErrorTexts, file_not_found: noDirectory };

export function mountFileRoutes(app: App, { files }: CrogiaDeps): void {
  app.get(
    `${base}/files`,
    describeRoute('ListFiles', 'List a folder of the workspace: folders first, then files', {
      schema: { params, querystring: ListFilesQuery, response: { 200: replies.filesReply } },
      fails: [400, 404, 422],
      missing: noDirectory,
    }),
    ({ params, query: { path } }, reply) =>
      withErrorTexts(listing, async () => {
        const entries = await files.list(toSessionId(params.sid), path, abortOnDisconnect(reply));
        return { path, items: entries.map(toEntry) };
      }),
  );
  app.get(
    `${base}/files/content`,
    describeRoute('ReadFile', 'Read a file of the workspace', {
      schema: { params, querystring: ReadFileQuery, response: { 200: replies.fileContentReply } },
      fails: [400, 404, 422],
      missing: noFile,
    }),
    ({ params, query: { path, encoding } }, reply) =>
      withErrorTexts(reading, async () => {
        const bytes = await files.read(toSessionId(params.sid), path, abortOnDisconnect(reply));
        return { path, content: encoding === 'base64' ? bytes.toString('base64') : bytes.toString('utf8') };
      }),
  );
  app.post(
    `${base}/files/content`,
    describeRoute('WriteFile', 'Write a file of the workspace; creates missing folders', {
      schema: { params, body: WriteFileBody, response: { 200: replies.writtenFileReply } },
      config: { once: 200 },
      bodyExample: { path: 'app.py', content: 'print("hi")\n' },
      fails: [400, 404, 409, 422],
    }),
    ({ params: { sid }, body: { path, content } }, reply) =>
      withErrorTexts(reading, async () => {
        await files.write(toSessionId(sid), path, content, abortUnlessIdempotent(reply));
        return { message: `File ${path} written successfully` };
      }),
  );
}

export function mountSearch(app: App, { files }: CrogiaDeps): void {
  const search = <Match>(
    input: { readonly sid: string; readonly query: z.output<typeof SearchFilesBody>; readonly signal: AbortSignal },
    find: (
      id: SessionId,
      query: FileSearchQuery,
      signal: AbortSignal,
    ) => Promise<{ matches: readonly Match[]; truncated: boolean }>,
  ) =>
    withErrorTexts(searching, async () => {
      const { pattern, path, file_types } = input.query;
      const query: FileSearchQuery = { pattern, path, types: globs(file_types) };
      const { matches, truncated } = await find(toSessionId(input.sid), query, input.signal);
      return { pattern, path, matches: [...matches], ...(truncated && { truncated: true as const }) };
    });
  const fails = { fails: [400, 404, 422], missing: noDirectory };
  app.post(
    `${base}/search/files`,
    describeRoute('FindFiles', 'Find files by a glob on their name, or on their path where it has a slash', {
      schema: { params, body: SearchFilesBody, response: { 200: replies.foundFilesReply } },
      config: { reads: true },
      bodyExample: { pattern: '*.py', path: '.', file_types: '*' },
      ...fails,
    }),
    ({ params: { sid }, body: query }, reply) => search({ sid, query, signal: abortOnDisconnect(reply) }, files.find),
  );
  app.post(
    `${base}/search/grep`,
    describeRoute('GrepFiles', 'Find lines by a POSIX extended regular expression', {
      schema: { params, body: SearchFilesBody, response: { 200: replies.foundLinesReply } },
      config: { reads: true },
      bodyExample: { pattern: 'Flask', path: '.', file_types: '*.py,*.md' },
      ...fails,
    }),
    ({ params: { sid }, body: query }, reply) => search({ sid, query, signal: abortOnDisconnect(reply) }, files.grep),
  );
}

/** An empty list matches every file. */
function globs(list: string): string[] {
  const all = list
    .split(',')
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '');
  return all.includes('*') ? [] : all;
}

function toEntry({ name, type, size, modified }: ListedFile): replies.FileListEntry {
  const isDirectory = type === 'directory';
  return {
    name,
    // the API has no type for links or sockets
    type: isDirectory ? 'directory' : 'file',
    size: isDirectory ? null : size,
    modified,
  };
}
