import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

interface ByteRange {
  readonly from: number;
  readonly length?: number;
}

/**
 * Parses a `Range` header. Undefined: ignore it, because of other units, several ranges, or a range counted from the
 * end.
 */
export function byteRange(header: string | undefined): ByteRange | undefined {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined) return undefined;
  const from = Number(first);
  if (!last) return { from };
  return Number(last) < from ? undefined : { from, length: Number(last) - from + 1 };
}

interface OpenedFile {
  /** The bytes of the whole file. */
  readonly size: number;
  /** The bytes of the part. */
  readonly content: Readable;
}

/** Sends a file, or the requested part of it; 416 if the part begins behind the file's end. */
export function sendFile(
  reply: FastifyReply,
  { size, content }: OpenedFile,
  range: ByteRange | undefined,
): FastifyReply {
  reply.header('content-type', 'application/octet-stream').header('content-disposition', 'attachment');
  reply.header('cache-control', 'no-store').header('accept-ranges', 'bytes');
  if (!range || size === 0) return reply.header('content-length', size).send(content);
  if (range.from >= size) {
    content.destroy();
    return outside(reply, size);
  }
  const end = Math.min(size, range.from + (range.length ?? size));
  reply.header('content-length', end - range.from).header('content-range', `bytes ${range.from}-${end - 1}/${size}`);
  return reply.code(206).send(content);
}

const outside = (reply: FastifyReply, size: number): FastifyReply =>
  reply
    .code(416)
    .header('content-range', `bytes */${size}`)
    .header('content-type', 'application/json')
    .removeHeader('content-disposition')
    .send(JSON.stringify({ detail: 'The range is outside of the file' }));
