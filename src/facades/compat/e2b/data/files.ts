import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import { finished, type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { type AppError, toAppError } from '../../../../core/errors/errors.ts';
import { type FileMetadata, fileMetadataLimits } from '../../../../core/model/sandboxes/file-metadata.ts';
import { toPublicMessage, wireErrors } from '../../../../http/errors/wire-errors.ts';
import { drainBody } from '../../../../http/transport/body-time.ts';
import { formatAttachmentHeader } from '../../../../http/transport/content-disposition.ts';
import { parseMultipartFiles } from '../../../../http/transport/multipart.ts';
import type { PathEntry } from '../../../../sessions/api/sandbox-interior.ts';
import { contentTypeOf } from '../../../shared/archive/mime.ts';
import { readHeader } from '../target.ts';
import { auditOutcomeOf, type DataPlaneCall, resolveSandboxPath } from './call.ts';
import { ConnectError } from './connect.ts';
import { destroyConnection, sendErrorResponse, sendJson } from './refusals.ts';

export async function serveFiles(call: DataPlaneCall, maxUploadBytes: number): Promise<void> {
  const isUpload = call.request.method === 'POST';
  try {
    if (call.request.method === 'GET') await download(call);
    else if (isUpload) {
      await upload(call, maxUploadBytes);
      call.audit('file.write', call.response.statusCode < 400 ? 'done' : 'invalid_request');
    } else sendErrorResponse(call.response, 404, 'There is no such route.');
  } catch (thrown) {
    if (isUpload) call.audit('file.write', auditOutcomeOf(thrown));
    if (call.response.headersSent) return destroyConnection(call.response);
    drainBody(call.request);
    if (thrown instanceof UploadTooLarge) return sendErrorResponse(call.response, 413, thrown.message);
    if (thrown instanceof ConnectError) return sendErrorResponse(call.response, 400, thrown.message);
    const error = toAppError(thrown);
    sendErrorResponse(call.response, statusOf(error), toPublicMessage(error));
  }
}
const statusOf = ({ code }: AppError) => (code === 'quota' || code === 'disk_full' ? 507 : wireErrors[code].http);

async function download(call: DataPlaneCall): Promise<void> {
  const { url, response, signal, target } = call;
  await using inside = await call.enter();
  const path = resolveSandboxPath(url.searchParams.get('path') ?? '', await call.home(inside));
  const encodings = readHeader(target.headers, 'accept-encoding') ?? '';
  const range = /^bytes=(\d*)-(\d*)$/.exec(readHeader(target.headers, 'range') ?? '');
  if (/identity;q=0/.test(encodings) && !/gzip/.test(encodings)) {
    return sendErrorResponse(response, 406, 'The file can be sent as identity or gzip.');
  }
  const headers = {
    'content-type': contentTypeOf(path),
    // Browsers must not display the file, because signed URLs work under the server's own origin.
    'content-disposition': formatAttachmentHeader(path),
    'x-content-type-options': 'nosniff',
    vary: 'Origin, Accept-Encoding',
  };
  if (range && (range[1] !== '' || range[2] !== '')) {
    const { size } = await inside.paths.stat(path, signal);
    const from = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
    const to = range[1] === '' || range[2] === '' ? size - 1 : Math.min(Number(range[2]), size - 1);
    if (from > to) {
      response.setHeader('content-range', `bytes */${size}`);
      return sendErrorResponse(response, 416, 'The range lies outside of the file.');
    }
    const part = await inside.paths.open(path, signal, { from, most: to - from + 1 });
    response.writeHead(206, {
      ...headers,
      'content-length': part.size,
      'content-range': `bytes ${from}-${from + part.size - 1}/${size}`,
    });
    return await pipeline(part.content, response);
  }
  const { size, content } = await inside.paths.open(path, signal);
  if (wantsGzip(encodings) && size > 0) {
    response.writeHead(200, { ...headers, 'content-encoding': 'gzip' });
    return await pipeline(content, createGzip({ level: 1 }), response);
  }
  response.writeHead(200, { ...headers, 'content-length': size, 'accept-ranges': 'bytes' });
  await pipeline(content, response);
}

/** Ignores HTTP libraries' default `Accept-Encoding`, because compression costs time. */
function wantsGzip(encodings: string): boolean {
  const named = encodings
    .toLowerCase()
    .split(',')
    .map((one) => one.trim());
  const accepted = named.filter((one) => !/;\s*q=0(\.0*)?$/.test(one)).map((one) => one.split(';')[0]);
  const isOnly = accepted.every((one) => one === 'gzip' || one === 'identity');
  return accepted.includes('gzip') && (isOnly || /identity;q=0/.test(encodings));
}

async function upload(call: DataPlaneCall, maxUploadBytes: number): Promise<void> {
  const { url, response, signal, target } = call;
  const type = readHeader(target.headers, 'content-type') ?? '';
  const path = url.searchParams.get('path') ?? '';
  const isPlain = /^application\/octet-stream\b/i.test(type);
  if (!isPlain && !/^multipart\/form-data\s*;/i.test(type)) {
    return sendErrorResponse(response, 400, 'The body must be multipart/form-data or application/octet-stream.');
  }
  if (isPlain && path === '') return sendErrorResponse(response, 400, 'The query needs path.');
  const metadata = parseMetadataHeaders(target.headers);
  await using inside = await call.enter();
  const home = await call.home(inside);
  const intake: UploadBudget = { left: maxUploadBytes, failure: undefined };
  const seen = new Set<string>();
  const store = async (content: Readable, to: string) => {
    if (to.endsWith('/') || to === '') throw new ConnectError('invalid_argument', 'The path names a folder.');
    const full = resolveSandboxPath(to, home);
    if (seen.has(full)) throw new ConnectError('invalid_argument', `The path ${full} comes twice.`);
    seen.add(full);
    const written = inside.paths.write(full, counted(content, intake), signal, metadata).catch((thrown: unknown) => {
      throw intake.failure ?? thrown; // `thrown` reports only the broken connection
    });
    return shown(await written);
  };
  const body = openBody(call, target.headers['content-encoding']);
  const stored = isPlain
    ? [await store(body, path)]
    : await parseMultipartFiles(body, type, ({ filename, content }) => store(content, path === '' ? filename : path));
  if (stored.length === 0) return sendErrorResponse(response, 400, 'The body has no part named file.');
  sendJson(response, 200, stored);
}

const shown = ({ path, name, metadata }: PathEntry) => ({
  path,
  name: name || basename(path),
  type: 'file',
  ...(metadata && { metadata }),
});

const metadataHeader = 'x-metadata-';
/** Keys are in lower case, because header names are case-insensitive. */
export function parseMetadataHeaders(headers: IncomingMessage['headers']): FileMetadata {
  const names = Object.keys(headers).filter((name) => name.startsWith(metadataHeader));
  const pairs = names.map((name) => [name.slice(metadataHeader.length), readHeader(headers, name) ?? ''] as const);
  const wrong = (message: string) => new ConnectError('invalid_argument', message);
  const { keys, keyBytes, bytes } = fileMetadataLimits;
  for (const [key, value] of pairs) {
    if (key === '' || key.length > keyBytes) throw wrong(`A key of metadata has 1 to ${keyBytes} characters.`);
    if (key === '__proto__') throw wrong('Metadata cannot have the key __proto__.');
    if (!/^[\x20-\x7e]*$/.test(value)) throw wrong(`The metadata ${key} can have printable ASCII characters alone.`);
  }
  if (pairs.length > keys) throw wrong(`A file has at most ${keys} keys of metadata.`);
  const size = pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (size > bytes) throw wrong(`The keys and values of metadata have at most ${bytes} characters together.`);
  return Object.fromEntries(pairs);
}

function openBody({ request, response }: DataPlaneCall, encoding: string | undefined): Readable {
  if (encoding === undefined || encoding === 'identity') return request;
  if (encoding !== 'gzip')
    throw new ConnectError('invalid_argument', `The body has the encoding ${encoding}. It can be gzip or plain.`);
  const plain = createGunzip();
  request.once('error', (error) => plain.destroy(error));
  response.once('close', () => plain.destroy());
  return request.pipe(plain);
}

interface UploadBudget {
  left: number; // bytes
  failure: ConnectError | undefined;
}
/**
 * Fails if the body exceeds the budget. Uses a pipe, because leaving a `for await` loop early would destroy the refused
 * request.
 */
function counted(content: Readable, intake: UploadBudget): Readable {
  const meter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      intake.left -= chunk.length;
      if (intake.left >= 0) return done(null, chunk);
      intake.failure ??= new UploadTooLarge();
      done(intake.failure);
    },
  });
  meter.on('error', () => {}); // the reader gets the error when it reads
  finished(content, { writable: false }, (error) => {
    if (!error) return;
    intake.failure ??= new ConnectError('invalid_argument', 'The body could not be read to its end.');
    meter.destroy(intake.failure);
  });
  return content.pipe(meter);
}
class UploadTooLarge extends ConnectError {
  constructor() {
    super('resource_exhausted', 'The upload is larger than CORRAL_E2B_MAX_UPLOAD_BYTES allows.');
  }
}
