import { PassThrough, pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { AppError } from '../../core/errors/errors.ts';
import { truncateEnd } from '../../core/text/text.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Buffer>;
}
export type PageFetcher = (url: URL, signal: AbortSignal) => Promise<Answer>;

export interface FetchedPage {
  /** After redirects. */
  readonly url: URL;
  readonly status: number;
  /** Lower case, without parameters. Empty if the site sends no content type. */
  readonly type: string;
  readonly charset: string | undefined;
  readonly bytes: Buffer;
  readonly isCut: boolean;
}
const maxRedirects = 5;
const maxBytes = 10 * 1024 * 1024;

/**
 * Truncates the body at 10 MiB. Rejects with invalid_request (not a web address, or one with credentials), unsupported
 * (compression), not_found (bad redirects or body), and errors from `ask`.
 */
export async function fetchWithRedirects(address: string, ask: PageFetcher, signal: AbortSignal): Promise<FetchedPage> {
  let url = webAddress(address);
  for (let left = maxRedirects; ; left--) {
    const { status, headers, body } = await ask(url, signal);
    const location = [301, 302, 303, 307, 308].includes(status) ? first(headers.location) : undefined;
    if (location === undefined) {
      const [type = '', ...parameters] = (first(headers['content-type']) ?? '').split(';').map((part) => part.trim());
      const charset = parameters.map((part) => /^charset="?([\w.:-]+)"?$/i.exec(part)?.[1]).find(Boolean);
      const { bytes, isCut } = await whole(decoded(body, first(headers['content-encoding'])));
      return { url, status, type: type.toLowerCase(), charset, bytes, isCut };
    }
    await closed(body);
    if (left === 0)
      throw new AppError('not_found', `${new URL(address).host} redirects more than ${maxRedirects} times.`);
    const next = URL.parse(location, url.href);
    if (!next) throw new AppError('not_found', `${url.host} redirects to an invalid URL.`);
    url = webAddress(next.href);
  }
}

function webAddress(text: string): URL {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new AppError('invalid_request', `${truncateEnd(text, 200)} is not an http: or https: URL.`);
  if (url.username !== '' || url.password !== '')
    throw new AppError('invalid_request', 'URLs with a user name or password are not fetched.');
  return url;
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

const closed = async (body: AsyncIterable<Buffer>): Promise<void> =>
  void (await body[Symbol.asyncIterator]().return?.());

/** Some sites compress the response even though the request does not allow compression. */
function decoded(body: AsyncIterable<Buffer>, encoding: string | undefined): AsyncIterable<Buffer> {
  const unpack = unpackers[encoding?.toLowerCase() ?? 'identity'];
  if (!unpack) throw new AppError('unsupported', `The site compresses with ${encoding}, which is not supported.`);
  const stream = unpack();
  return pipeline(Readable.from(body), stream, () => {}) as AsyncIterable<Buffer>;
}
const unpackers: Readonly<Record<string, () => Transform>> = {
  identity: () => new PassThrough(),
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};

async function whole(body: AsyncIterable<Buffer>): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) break;
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : new AppError('not_found', 'The body could not be unpacked.', { cause });
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isCut: size > maxBytes };
}
