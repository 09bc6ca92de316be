import { pipeline, Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ByteRange } from '../../core/blobs.ts';
import { attachment } from '../shared/content-disposition.ts';

interface Download {
  readonly name: string;
  readonly size: number;
  readonly mimeType: string | null;
  /** Changes with the content. */
  readonly tag: string;
  open(range: ByteRange | undefined): Promise<Readable>;
}

/** A file as a whole, or the one range of it that was asked for. */
export async function sendFile(request: FastifyRequest, reply: FastifyReply, file: Download): Promise<FastifyReply> {
  const etag = `"${file.tag}"`;
  toKeep(reply, file.name, headerSafe(file.mimeType)).header('accept-ranges', 'bytes').header('etag', etag);
  const { range: asked, 'if-range': onlyIf } = request.headers;
  const range = onlyIf === undefined || onlyIf === etag ? rangeOf(asked, file.size) : undefined;
  if (range === 'unsatisfiable') {
    return reply
      .code(416)
      .header('content-range', `bytes */${file.size}`)
      .header('content-type', 'application/json')
      .removeHeader('content-disposition')
      .send(JSON.stringify({ detail: 'The range is outside of the file' }));
  }
  const length = range ? range.end - range.start + 1 : file.size;
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${file.size}`);
  reply.header('content-length', length);
  if (request.method === 'HEAD') return reply.send(Readable.from([])); // without a stream the length would be set to 0
  const counted = exactly(length);
  pipeline(await file.open(range), counted, () => {}); // closes the file also when the client leaves
  return reply.send(counted);
}

/** What others made is to be kept, not shown; a browser that shows it all the same runs nothing of it in our name. */
export const toKeep = (reply: FastifyReply, name: string, type: string | undefined): FastifyReply =>
  reply
    .header('content-type', type ?? 'application/octet-stream')
    .header('content-disposition', attachment(name))
    .header('content-security-policy', "default-src 'none'; sandbox");

/** `bytes=a-b`, `a-` or `-n`; undefined for what is to be ignored: other units, several ranges, nonsense. */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replaceAll(' ', '') ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '')
    return Number(last) === 0 || size === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, size - Number(last)), end: size - 1 };
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}

/** Content that is shorter or longer than was promised breaks the line instead of looking whole. */
function exactly(length: number): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > length) done(new Error('the file became longer while it was sent'));
      else done(null, chunk);
    },
    flush(done) {
      done(seen === length ? null : new Error('the file became shorter while it was sent'));
    },
  });
}

/** What a client once said of its file's type goes into a header. */
const headerSafe = (type: string | null): string | undefined =>
  type !== null && /^[\x20-\x7e]{1,200}$/.test(type) ? type : undefined;
