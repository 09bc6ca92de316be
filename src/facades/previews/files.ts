import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { decodeTextFile } from '../../core/text/files/encoding.ts';
import type { Services } from '../../sessions/api/services.ts';
import { openRequestedFile, resolveRange } from '../shared/byte-range.ts';
import { untrustedFileHeaders } from './headers.ts';
import type { MatchedPreview } from './target.ts';

const types = new Map<string, string>(
  Object.entries({
    ...{ html: 'text/html', htm: 'text/html', xhtml: 'application/xhtml+xml' },
    ...{ css: 'text/css', js: 'text/javascript', mjs: 'text/javascript' },
    ...{ json: 'application/json', map: 'application/json', xml: 'text/xml', wasm: 'application/wasm' },
    ...{ png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp' },
    ...{ avif: 'image/avif', svg: 'image/svg+xml', ico: 'image/x-icon', bmp: 'image/bmp', pdf: 'application/pdf' },
    ...{ mp4: 'video/mp4', webm: 'video/webm', mov: 'video/quicktime', ogv: 'video/ogg' },
    ...{ mp3: 'audio/mpeg', wav: 'audio/wav', ogg: 'audio/ogg', m4a: 'audio/mp4', flac: 'audio/flac' },
    ...{ woff: 'font/woff', woff2: 'font/woff2', ttf: 'font/ttf', otf: 'font/otf' },
    ...{ txt: 'text/plain', csv: 'text/csv', md: 'text/plain' },
  }),
);

interface Exchange {
  readonly target: MatchedPreview;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}
interface Workspace {
  readonly id: SessionId;
  readonly streams: Pick<Services['streams'], 'download'>;
  readonly folder: string | undefined;
}

/** Returns false if the method is not GET or HEAD, or if the file is missing, hidden or outside `folder`. */
export async function sendWorkspaceFile(exchange: Exchange, { id, streams, folder = '' }: Workspace): Promise<boolean> {
  const { target, request, response, signal } = exchange;
  const path = parseWorkspacePath(target.url);
  if (path === undefined || !`/${path}`.startsWith(folder === '' ? '/' : `/${folder}/`)) return false;
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const open = (part?: object) => streams.download(id, { path, ...part }, signal);
  const opened = await openRequestedFile({ headers: target.headers, open }).catch((thrown: unknown) => {
    if (['file_not_found', 'invalid_request', 'not_found'].includes(toAppError(thrown).code)) return undefined;
    throw thrown;
  });
  if (!opened) return false;
  const { size, content } = opened.file;
  const part = opened.range && resolveRange(opened.range, size);
  const type = types.get(extname(path).slice(1).toLowerCase()) ?? 'application/octet-stream';
  const head = { ...untrustedFileHeaders, 'content-type': type };
  if (part === 'unsatisfiable') {
    content.destroy();
    response.writeHead(416, { ...head, 'content-range': `bytes */${size}` }).end();
    return true;
  }
  const bytes = content.iterator();
  const start = !part && /^text\/(?!xml)/.test(type) ? await firstOf(bytes) : Buffer.alloc(0);
  const charset = start.length > 0 && detectCharset(type, start);
  response.writeHead(part ? 206 : 200, {
    ...head,
    ...(charset && { 'content-type': `${type}; charset=${charset}` }),
    ...(part && { 'content-range': `bytes ${part.start}-${part.end}/${size}` }),
    'accept-ranges': 'bytes',
    'content-length': part ? part.end - part.start + 1 : size,
  });
  if (request.method === 'HEAD') {
    content.destroy();
    response.end();
    return true;
  }
  async function* whole() {
    yield start;
    yield* bytes;
  }
  // fails if the client disconnects or the file shrinks
  await pipeline(start.length > 0 ? whole : content, response).catch(() => {});
  return true;
}

const sampleBytes = 64 * 1024;
async function firstOf(bytes: AsyncIterator<Buffer>): Promise<Buffer> {
  let start = Buffer.alloc(0);
  while (start.length < sampleBytes) {
    const { done, value } = await bytes.next();
    if (done) break;
    start = Buffer.concat([start, value]);
  }
  return start;
}

/** Undefined if the charset is unknown or declared in the file. */
export function detectCharset(type: string, start: Buffer): string | undefined {
  const head = start.toString('latin1', 0, 1_024);
  const isMarked = /^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/.test(head);
  const isDeclared =
    type === 'text/css' ? head.startsWith('@charset "') : type === 'text/html' && declaration.test(head);
  if (isMarked || isDeclared) return undefined;
  const lines = start.length < sampleBytes ? start : start.subarray(0, start.lastIndexOf('\n') + 1);
  const encoding = decodeTextFile(lines)?.encoding;
  return encoding?.replace(/^UTF-8.*/, 'utf-8').replace('ISO-2022', 'iso-2022-jp');
}
const declaration = /<meta[^>]{0,200}charset\s*=/i;

/** Undefined if the path is malformed or has a hidden part. */
export function parseWorkspacePath(url: string): string | undefined {
  const [value = ''] = url.split(/[?#]/, 1);
  let path: string;
  try {
    path = decodeURIComponent(value);
  } catch {
    return undefined;
  }
  if (path.endsWith('/')) path += 'index.html';
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 0 || path.includes('\0') || parts.some((part) => part.startsWith('.'))) return undefined;
  return parts.join('/');
}
