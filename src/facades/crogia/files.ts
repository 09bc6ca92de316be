import type { FileService, SearchQuery } from '../../session/api/services.ts';
import { withErrorTexts } from '../shared/error-texts.ts';
import type { App } from '../shared/routes.ts';
import { toSessionId } from '../shared/session-id.ts';
import { whileConnected, whileWanted } from '../shared/while-connected.ts';
import { type CrogiaDeps, words } from './context.ts';
import * as doc from './docs.ts';
import { ListQuery, ReadQuery, SearchBody, SessionParams, WriteBody } from './schemas.ts';

type Entry = Awaited<ReturnType<FileService['list']>>[number];

const base = '/api/sessions/:sid';
const listing = { ...words, file_not_found: 'Directory not found', invalid_request: 'Path is not a directory' };
const reading = { ...words, file_not_found: 'File not found', invalid_request: 'Path is not a file' };
const searching = { ...words, file_not_found: 'Directory not found' };

export function mountFiles(app: App, { files, idempotency }: CrogiaDeps): void {
  app.get(
    `${base}/files`,
    { schema: { params: SessionParams, querystring: ListQuery }, config: { doc: doc.listFiles } },
    ({ params, query: { path } }, reply) =>
      withErrorTexts(listing, async () => {
        const entries = await files.list(toSessionId(params.sid), path, whileConnected(reply));
        return { path, items: entries.map(toItem) };
      }),
  );
  app.get(
    `${base}/files/content`,
    { schema: { params: SessionParams, querystring: ReadQuery }, config: { doc: doc.readFile } },
    ({ params, query: { path, encoding } }, reply) =>
      withErrorTexts(reading, async () => {
        const bytes = await files.read(toSessionId(params.sid), path, whileConnected(reply));
        return { path, content: encoding === 'base64' ? bytes.toString('base64') : bytes.toString('utf8') };
      }),
  );
  app.post(
    `${base}/files/content`,
    { schema: { params: SessionParams, body: WriteBody }, config: { doc: doc.writeFile } },
    (request, reply) => {
      const { path, content } = request.body;
      return idempotency.once(request, reply, () =>
        withErrorTexts(reading, async () => {
          await files.write(toSessionId(request.params.sid), path, content, whileWanted(reply));
          return { message: `File ${path} written successfully` };
        }),
      );
    },
  );
}

export function mountSearch(app: App, { files }: CrogiaDeps): void {
  for (const [kind, document] of [
    ['files', doc.findFiles],
    ['grep', doc.grepFiles],
  ] as const) {
    app.post(
      `${base}/search/${kind}`,
      { schema: { params: SessionParams, body: SearchBody }, config: { doc: document, reads: true } },
      ({ params, body: { pattern, path, file_types } }, reply) =>
        withErrorTexts(searching, async () => {
          const query: SearchQuery = { pattern, path, types: globs(file_types) };
          const search = kind === 'files' ? files.find : files.grep;
          const { matches, truncated } = await search(toSessionId(params.sid), query, whileConnected(reply));
          return { pattern, path, matches, ...(truncated && { truncated }) };
        }),
    );
  }
}

/** An empty list matches every file. */
function globs(list: string): string[] {
  const all = list
    .split(',')
    .map((glob) => glob.trim())
    .filter((glob) => glob !== '');
  return all.includes('*') ? [] : all;
}

function toItem({ name, type, size, modified }: Entry) {
  const isDirectory = type === 'directory';
  return {
    name,
    // links and sockets count as files, because the dialect has no third type
    type: isDirectory ? ('directory' as const) : ('file' as const),
    size: isDirectory ? null : size,
    modified,
  };
}
