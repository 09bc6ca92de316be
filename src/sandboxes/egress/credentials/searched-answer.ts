import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { keepEndToEndHeaders, withoutHeaders } from '../heads.ts';

export type ResponseSearchResult =
  | { readonly kind: 'searchable'; readonly headers: string[]; readonly body: Readable }
  | { readonly kind: 'repeats' }
  | { readonly kind: 'unsearchable'; readonly why: string };

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};
const ofEncodedBody = new Set(['content-encoding', 'content-length']);

/** Searches only the headers; the caller searches the body. Decompresses bodies compressed despite Accept-Encoding. */
export function searchResponse(
  incoming: IncomingMessage,
  { method, secrets }: { readonly method: string; readonly secrets: readonly Buffer[] },
): ResponseSearchResult {
  if (hasSecret(incoming.rawHeaders, secrets)) return { kind: 'repeats' };
  const transfer = incoming.headers['transfer-encoding'] ?? 'chunked';
  if (transfer.toLowerCase() !== 'chunked') {
    return { kind: 'unsearchable', why: `its answer has the transfer encoding ${transfer}` };
  }
  const headers = keepEndToEndHeaders(incoming);
  const encoding = (incoming.headers['content-encoding'] ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity' || method === 'HEAD' || incoming.statusCode === 304) {
    return { kind: 'searchable', headers, body: incoming };
  }
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding]?.() : undefined;
  if (!decoder) return { kind: 'unsearchable', why: `its answer is encoded as ${encoding}, which was not requested` };
  pipeline(incoming, decoder, () => {}); // an error in either stream also destroys the decoder
  return { kind: 'searchable', headers: withoutHeaders(headers, ofEncodedBody), body: decoder };
}

/** Ignores case, because some servers change the case of header names. */
function hasSecret(rawHeaders: readonly string[], secrets: readonly Buffer[]): boolean {
  const texts = rawHeaders.map((text) => text.toLowerCase());
  return secrets.some((secret) => {
    const form = secret.toString('latin1').toLowerCase(); // Node's parser decodes headers as latin1
    return texts.some((text) => text.includes(form));
  });
}
