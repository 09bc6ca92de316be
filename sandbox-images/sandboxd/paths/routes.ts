import { type FileMetadata, fileMetadataLimits } from '../../../src/core/model/sandboxes/file-metadata.ts';
import {
  createBadRequestError,
  parseBodyFields,
  parseFilePart,
  readCountParameter,
  readFlagParameter,
  readRequiredParameter,
} from '../server/body-fields.ts';
import { type Route, toFileReply } from '../server/route.ts';

export const pathRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/paths/entry',
    handle: async ({ daemon, query }) => ({
      json: await daemon.statPath(readRequiredParameter(query, 'path'), {
        metadata: readFlagParameter(query, 'metadata'),
      }),
    }),
  },
  {
    method: 'DELETE',
    path: '/paths/entry',
    handle: async ({ daemon, query }) => void (await daemon.removePath(readRequiredParameter(query, 'path'))),
  },
  {
    method: 'GET',
    path: '/paths/list',
    handle: async ({ daemon, query }) => ({
      json: await daemon.listPaths(readRequiredParameter(query, 'path'), {
        depth: readCountParameter(query, 'depth') ?? 1,
        metadata: readFlagParameter(query, 'metadata'),
      }),
    }),
  },
  {
    method: 'POST',
    path: '/paths/folder',
    async handle({ daemon, json }) {
      return { json: await daemon.makeFolder(parseBodyFields(await json(), { path: 'name' }).path) };
    },
  },
  {
    method: 'POST',
    path: '/paths/move',
    async handle({ daemon, json }) {
      const { from, to } = parseBodyFields(await json(), { from: 'name', to: 'name' });
      return { json: await daemon.movePath(from, to) };
    },
  },
  {
    method: 'GET',
    path: '/paths/content',
    handle: async ({ daemon, query }) =>
      toFileReply(await daemon.openPath(readRequiredParameter(query, 'path'), parseFilePart(query))),
  },
  {
    method: 'PUT',
    path: '/paths/content',
    async handle({ daemon, query, raw }) {
      const { metadata, content } = await metadataBefore(raw, readCountParameter(query, 'metadataBytes') ?? 0);
      return { json: await daemon.writePath(readRequiredParameter(query, 'path'), content, metadata) };
    },
  },
];

/** The metadata precedes the file in the body, because next to a long path it would not fit into a header or query. */
async function metadataBefore(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<{ readonly metadata: FileMetadata; readonly content: AsyncIterable<Uint8Array> }> {
  if (bytes === 0) return { metadata: {}, content: body };
  if (bytes > fileMetadataLimits.jsonBytes) throw createBadRequestError('The metadata is too large.');
  const chunks = body[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < bytes) {
    const { done, value } = await chunks.next();
    if (done) throw createBadRequestError('The body ends within the metadata.');
    head = Buffer.concat([head, value]);
  }
  const rest = head.subarray(bytes);
  async function* content(): AsyncGenerator<Uint8Array> {
    if (rest.length > 0) yield rest;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  return { metadata: metadataIn(head.subarray(0, bytes)), content: content() };
}

function metadataIn(json: Buffer): FileMetadata {
  const found: unknown = parsed(json.toString());
  if (typeof found !== 'object' || found === null || Array.isArray(found)) throw notMetadata();
  for (const value of Object.values(found)) if (typeof value !== 'string') throw notMetadata();
  return found as FileMetadata;
}
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notMetadata();
  }
}
const notMetadata = () => createBadRequestError('The metadata must be a JSON object of strings.');
