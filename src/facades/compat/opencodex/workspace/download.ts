import { pipeline, Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ByteRange } from '../../../../core/contracts/blobs.ts';
import { formatAttachmentHeader } from '../../../../http/transport/content-disposition.ts';
import { matchesEtag, parseRange, resolveRange, sendRangeNotSatisfiable } from '../../../shared/byte-range.ts';

interface Download {
  readonly name: string;
  readonly size: number;
  readonly mimeType: string | null;
  readonly tag: string;
  open(range: ByteRange | undefined): Promise<Readable>;
}

export async function sendDownload(
  request: FastifyRequest,
  reply: FastifyReply,
  file: Download,
): Promise<FastifyReply> {
  const etag = `"${file.tag}"`;
  markAsAttachment(reply, file.name, headerSafe(file.mimeType)).header('accept-ranges', 'bytes').header('etag', etag);
  const { range: query, 'if-range': onlyIf } = request.headers;
  if (matchesEtag(request.headers, etag)) return reply.code(304).send();
  const requested = onlyIf === undefined || onlyIf === etag ? parseRange(query) : undefined;
  const range = requested && resolveRange(requested, file.size);
  if (range === 'unsatisfiable') return sendRangeNotSatisfiable(reply, file.size);
  const length = range ? range.end - range.start + 1 : file.size;
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${file.size}`);
  reply.header('content-length', length);
  if (request.method === 'HEAD') return reply.send(Readable.from([])); // without a stream Fastify would set the length to 0
  const counted = exactly(length);
  pipeline(await file.open(range), counted, () => {}); // also closes the file when the client disconnects
  return reply.send(counted);
}

/** If a browser displays the untrusted content anyway, the policy blocks its scripts. */
export const markAsAttachment = (reply: FastifyReply, name: string, type: string | undefined): FastifyReply =>
  reply
    .header('content-type', type ?? 'application/octet-stream')
    .header('content-disposition', formatAttachmentHeader(name))
    .header('content-security-policy', "default-src 'none'; sandbox");

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

/** Undefined if a client's type has characters that are invalid in a header. */
const headerSafe = (type: string | null): string | undefined =>
  type !== null && /^[\x20-\x7e]{1,200}$/.test(type) ? type : undefined;
