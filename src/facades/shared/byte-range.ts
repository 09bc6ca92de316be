import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ByteRange } from '../../core/contracts/blobs.ts';
import { formatAttachmentHeader } from '../../http/transport/content-disposition.ts';

interface RequestedPart {
  readonly from: number;
  readonly length?: number;
}
type RequestedRange = RequestedPart | { readonly last: number };

/** Returns undefined for other units, multiple ranges or invalid syntax. */
export function parseRange(header: string | undefined): RequestedRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header?.replaceAll(' ', '') ?? '') ?? [];
  if (first === '') return last === '' ? undefined : { last: Number(last) };
  const from = Number(first);
  if (last === '') return { from };
  return Number(last) < from ? undefined : { from, length: Number(last) - from + 1 };
}

export function resolveRange(range: RequestedRange, size: number): ByteRange | 'unsatisfiable' {
  const start = 'last' in range ? Math.max(0, size - range.last) : range.from;
  if (start >= size) return 'unsatisfiable';
  const length = 'last' in range ? size : (range.length ?? size);
  return { start, end: Math.min(size, start + length) - 1 };
}

export const matchesEtag = ({ 'if-none-match': tags }: IncomingHttpHeaders, etag: string): boolean =>
  tags?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false;

interface OpenedFile {
  readonly size: number;
  readonly version?: string;
  readonly content: Readable;
}
export interface RequestedFile {
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  open(part: RequestedPart | undefined): Promise<OpenedFile>;
}

export async function openRequestedFile({ headers, open }: Pick<RequestedFile, 'headers' | 'open'>) {
  const requested = parseRange(headers.range);
  const isSuffix = requested !== undefined && 'last' in requested;
  const first = isSuffix ? undefined : requested;
  const file = await open(first);
  if (!requested || file.size === 0) return { file, range: undefined };
  const onlyIf = headers['if-range'];
  const isOther = onlyIf !== undefined && onlyIf !== etagOf(file);
  const part = isSuffix ? { from: Math.max(0, file.size - requested.last) } : requested;
  const range = isOther ? undefined : part;
  if (range === first) return { file, range };
  file.content.destroy();
  return { file: await open(range), range };
}
const etagOf = ({ version }: OpenedFile) => (version === undefined ? undefined : `"${version}"`);

export async function sendFile(reply: FastifyReply, requested: RequestedFile): Promise<FastifyReply> {
  const { file, range } = await openRequestedFile(requested);
  const { size, content } = file;
  const etag = etagOf(file);
  if (etag !== undefined) reply.header('etag', etag);
  reply.header('cache-control', 'no-store').header('accept-ranges', 'bytes');
  if (etag !== undefined && matchesEtag(requested.headers, etag)) {
    content.destroy();
    return reply.code(304).send();
  }
  const part = range && resolveRange(range, size);
  if (part === 'unsatisfiable') {
    content.destroy();
    return sendRangeNotSatisfiable(reply, size);
  }
  reply
    .header('content-type', 'application/octet-stream')
    .header('content-disposition', formatAttachmentHeader(requested.path));
  if (!part) return reply.header('content-length', size).send(content);
  const { start, end } = part;
  reply.header('content-length', end - start + 1).header('content-range', `bytes ${start}-${end}/${size}`);
  return reply.code(206).send(content);
}

export const sendRangeNotSatisfiable = (reply: FastifyReply, size: number): FastifyReply =>
  reply
    .code(416)
    .header('content-range', `bytes */${size}`)
    .header('content-type', 'application/json')
    .removeHeader('content-disposition')
    .send(JSON.stringify({ detail: 'The range is outside of the file' }));
