import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Services } from '../../sessions/api/services.ts';
import { openRequested, rangeWithin } from '../shared/byte-range.ts';
import { confiningHeaders } from './headers.ts';
import type { Target } from './target.ts';

const types = new Map<string, string>(
  Object.entries({
    ...{ html: 'text/html; charset=utf-8', htm: 'text/html; charset=utf-8', xhtml: 'application/xhtml+xml' },
    ...{ css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', mjs: 'text/javascript; charset=utf-8' },
    ...{ json: 'application/json', map: 'application/json', xml: 'text/xml; charset=utf-8', wasm: 'application/wasm' },
    ...{ png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp' },
    ...{ avif: 'image/avif', svg: 'image/svg+xml', ico: 'image/x-icon', bmp: 'image/bmp', pdf: 'application/pdf' },
    ...{ mp4: 'video/mp4', webm: 'video/webm', mov: 'video/quicktime', ogv: 'video/ogg' },
    ...{ mp3: 'audio/mpeg', wav: 'audio/wav', ogg: 'audio/ogg', m4a: 'audio/mp4', flac: 'audio/flac' },
    ...{ woff: 'font/woff', woff2: 'font/woff2', ttf: 'font/ttf', otf: 'font/otf' },
    ...{ txt: 'text/plain; charset=utf-8', csv: 'text/csv; charset=utf-8', md: 'text/plain; charset=utf-8' },
  }),
);

interface Exchange {
  readonly target: Target;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}
interface Workspace {
  readonly id: SessionId;
  readonly streams: Pick<Services['streams'], 'download'>;
  /** The folder whose files are shown; undefined or empty: all. */
  readonly folder: string | undefined;
}

/** Sends a workspace file, sandboxed. False: the file does not exist or is hidden. */
export async function sendWorkspaceFile(exchange: Exchange, { id, streams, folder = '' }: Workspace): Promise<boolean> {
  const { target, request, response, signal } = exchange;
  const path = parsePath(target.url);
  if (path === undefined || !`/${path}`.startsWith(folder === '' ? '/' : `/${folder}/`)) return false;
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const open = (part?: object) => streams.download(id, { path, ...part }, signal);
  const opened = await openRequested({ headers: target.headers, open }).catch((thrown: unknown) => {
    if (['file_not_found', 'invalid_request', 'not_found'].includes(toAppError(thrown).code)) return undefined;
    throw thrown;
  });
  if (!opened) return false;
  const { size, content } = opened.file;
  const part = opened.range && rangeWithin(opened.range, size);
  const head = {
    ...confiningHeaders,
    'content-type': types.get(extname(path).slice(1).toLowerCase()) ?? 'application/octet-stream',
  };
  if (part === 'unsatisfiable') {
    content.destroy();
    response.writeHead(416, { ...head, 'content-range': `bytes */${size}` }).end();
    return true;
  }
  response.writeHead(part ? 206 : 200, {
    ...head,
    ...(part && { 'content-range': `bytes ${part.start}-${part.end}/${size}` }),
    'accept-ranges': 'bytes',
    'content-length': part ? part.end - part.start + 1 : size,
  });
  if (request.method === 'HEAD') {
    content.destroy();
    response.end();
    return true;
  }
  await pipeline(content, response).catch(() => {}); // the browser disconnected, or the file shrank
  return true;
}

/** The path in the workspace; undefined: it is malformed or has a hidden part. */
export function parsePath(url: string): string | undefined {
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
