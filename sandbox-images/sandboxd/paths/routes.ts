import { type FileMetadata, fileMetadataLimits } from '../../../src/core/model/sandboxes/file-metadata.ts';
import {
  createBadRequestError,
  parseBodyFields,
  parseFilePart,
  readCountParameter,
  readFlagParameter,
  readPath,
} from '../server/body-fields.ts';
import { actionRoute, fileRoute, jsonRoute, type Route } from '../server/route.ts';

export const pathRoutes: readonly Route[] = [
  jsonRoute('GET /paths/entry', ({ daemon, query }) =>
    daemon.statPath(readPath(query), { metadata: readFlagParameter(query, 'metadata') }),
  ),
  actionRoute('DELETE /paths/entry', ({ daemon, query }) => daemon.removePath(readPath(query))),
  jsonRoute('GET /paths/list', ({ daemon, query }) =>
    daemon.listPaths(readPath(query), {
      depth: readCountParameter(query, 'depth') ?? 1,
      metadata: readFlagParameter(query, 'metadata'),
    }),
  ),
  jsonRoute('POST /paths/folder', async ({ daemon, json }) =>
    daemon.makeFolder(parseBodyFields(await json(), { path: 'name' }).path),
  ),
  jsonRoute('POST /paths/move', async ({ daemon, json }) => {
    const { from, to } = parseBodyFields(await json(), { from: 'name', to: 'name' });
    return await daemon.movePath(from, to);
  }),
  fileRoute('GET /paths/content', ({ daemon, query }) => daemon.openPath(readPath(query), parseFilePart(query))),
  jsonRoute('PUT /paths/content', async ({ daemon, query, raw }) => {
    const { metadata, content } = await metadataBefore(raw, readCountParameter(query, 'metadataBytes') ?? 0);
    return await daemon.writePath(readPath(query), content, metadata);
  }),
];

/** Reads the metadata, which may not fit in a header, from the start of the body. */
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
