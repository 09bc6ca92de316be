import { finished, type Readable } from 'node:stream';
import { finished as finishing } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors/errors.ts';
import { InvalidRequestError } from '../errors/error-style.ts';
import { bindCaller } from '../guard/caller.ts';
import { drainBody } from './body-time.ts';

export interface FormPart {
  readonly filename: string;
  readonly mimeType: string;
  readonly content: Readable;
}
/**
 * Reads the files in the fields `file` and `files`. If the body is broken or truncated, reading the current file fails
 * before the call rejects. Stops when `take` fails.
 */
export async function readMultipartFiles<Taken>(
  request: FastifyRequest,
  { files, texts }: { readonly files: number; readonly texts?: Map<string, string> },
  take: (part: FormPart) => Promise<Taken>,
): Promise<Taken[]> {
  const parser = createParser(contentType(request), files);
  if (texts) parser.on('field', (name: string, value: string) => texts.set(name, value));
  const taking = bindCaller(take); // the parser calls back without the caller's context
  return await takeParts(request.raw, { parser, fields: ['file', 'files'], files }, taking).catch((thrown: unknown) => {
    drainBody(request.raw);
    throw thrown instanceof BrokenBody && !request.raw.complete
      ? new AppError('invalid_request', 'The upload was interrupted before its end.')
      : thrown;
  });
}

/** Expects a decompressed body. Passes files in the field `file` to `take` one at a time; names include folders. */
export async function parseMultipartFiles<Taken>(
  body: Readable,
  type: string,
  take: (part: FormPart) => Promise<Taken>,
): Promise<Taken[]> {
  const files = 1_000;
  const parser = createParser(type, files, { preservePath: true, unnamed: 'file' });
  let turn: Promise<unknown> = Promise.resolve();
  return await takeParts(body, { parser, fields: ['file'], files }, (part) => {
    const done = turn.then(() => take(part));
    turn = done.catch(() => {});
    return done;
  });
}

interface FolderLimits {
  readonly files: number;
  readonly bytes: number;
}
interface FormFolder {
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  readonly texts: ReadonlyMap<string, string>;
}

/** Reads `files[]` and `files` into memory. Rejects: invalid_request (an unreadable body), payload_too_large. */
export async function readMultipartFolder(request: FastifyRequest, limits: FolderLimits): Promise<FormFolder> {
  const parser = createParser(contentType(request), limits.files, { preservePath: true });
  const texts = new Map<string, string>();
  parser.on('field', (name: string, value: string) => texts.set(name, value));
  let size = 0;
  const files = await takeParts(
    request.raw,
    { parser, fields: ['files[]', 'files'], files: limits.files },
    async ({ filename, content }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of content as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > limits.bytes)
          throw new AppError('payload_too_large', `The files are larger than ${limits.bytes} bytes in total.`);
        chunks.push(chunk);
      }
      return { path: filename, bytes: Buffer.concat(chunks) };
    },
  ).catch((thrown: unknown) => {
    drainBody(request.raw);
    throw thrown;
  });
  return { files, texts };
}

interface FormReading {
  readonly parser: BusboyInstance;
  readonly fields: readonly string[];
  readonly files: number;
}

async function takeParts<Taken>(
  body: Readable,
  { parser, fields, files }: FormReading,
  take: (part: FormPart) => Promise<Taken>,
): Promise<Taken[]> {
  const taken: Promise<Taken>[] = [];
  const open = new Set<Readable>();
  const taking: BusboyFileStream[] = [];
  let newest: Readable | undefined;
  let problem: unknown;
  const fail = (error: unknown, unfinished: Iterable<Readable> = open) => {
    problem ??= error;
    body.unpipe(parser);
    parser.destroy(problem as Error);
    for (const content of unfinished) content.destroy(problem as Error);
  };
  parser.on(
    'file',
    (field: string, content: BusboyFileStream, filename: string | undefined, _encoding: string, mimeType: string) => {
      let broken: Error | undefined;
      content.on('error', (error) => {
        broken = error;
      });
      if (!fields.includes(field)) return void content.resume();
      taking.push(content);
      newest = content;
      open.add(content);
      content.once('close', () => open.delete(content));
      const done = take({ filename: unescapeName(filename ?? ''), mimeType, content });
      done.catch((thrown: unknown) =>
        fail(thrown === broken && !(thrown instanceof AppError) ? new BrokenBody() : thrown),
      );
      taken.push(done);
    },
  );
  const most = bytesBeside + files * headerBytes;
  let total = 0;
  body.on('data', (chunk: Buffer) => {
    total += chunk.length;
    if (total - taking.reduce((sum, { bytesRead }) => sum + bytesRead, 0) > most)
      fail(new AppError('payload_too_large', `More than ${most} bytes of the body are outside of the accepted files.`));
  });
  // Fail now; the parser would end a truncated part as if it were complete.
  parser.on('error', (error: Error) => newest?.destroy(error));
  parser.on('filesLimit', () => fail(new AppError('payload_too_large', `More than ${files} files in one request.`)));
  parser.on('partsLimit', () => fail(bad('The multipart body has too many parts.')));
  // pipeline() would destroy a request, and with it the connection for the response
  finished(body, { writable: false }, (error) => error && parser.destroy(error));
  await finishing(body.pipe(parser)).catch((thrown: unknown) => {
    // Earlier parts are complete, even if not yet read.
    fail(thrown instanceof AppError ? thrown : new BrokenBody(), newest ? [newest] : []);
  });
  const results = await Promise.allSettled(taken);
  if (problem !== undefined) throw problem;
  return results.map((result) => (result as PromiseFulfilledResult<Taken>).value);
}

/** Browsers and HTTP libraries escape only these characters in a file name. */
const unescapeName = (name: string) => name.replace(/%(?:0A|0D|22)/g, decodeURIComponent);

/** Maximum bytes of one file's headers, and of all data outside the files. The parser enforces neither. */
const headerBytes = 16 * 1024;
const bytesBeside = 8 * 2 ** 20;

interface MultipartOptions {
  readonly preservePath?: boolean;
  /** A part with this field name is a file, even without a file name. */
  readonly unnamed?: string;
}

function createParser(type: string, files: number, { unnamed, ...more }: MultipartOptions = {}): BusboyInstance {
  if (!/^multipart\/form-data\s*;/i.test(type)) throw bad('The body must be multipart/form-data.');
  try {
    return new Busboy({
      headers: { 'content-type': type },
      ...more,
      // keeps parts without a file name from being parsed as files
      isPartAFile: (field, _type, filename) => filename !== undefined || (unnamed !== undefined && field === unnamed),
      limits: {
        files,
        fields: 100,
        parts: files + 101,
        fieldSize: 64 * 1024,
        headerPairs: 100,
        headerSize: headerBytes,
      },
    });
  } catch {
    throw bad('The multipart body has no boundary.');
  }
}

/** Reads the raw headers, because a hook removes the parsed header for JSON routes. */
function contentType({ raw }: FastifyRequest): string {
  const at = raw.rawHeaders.findIndex((name, n) => n % 2 === 0 && name.toLowerCase() === 'content-type');
  return at < 0 ? '' : (raw.rawHeaders[at + 1] ?? '');
}

const notice = (msg: string) => ({ type: 'value_error', loc: ['body'], msg });
const bad = (msg: string) => new InvalidRequestError([notice(msg)], msg);

class BrokenBody extends InvalidRequestError {
  constructor() {
    const msg = 'The multipart body could not be read.';
    super([notice(msg)], msg);
  }
}
