import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.ts';
import { onBehalf } from './caller.ts';
import { InvalidRequest } from './error-style.ts';

export interface Part {
  readonly filename: string;
  readonly mimeType: string;
  readonly content: Readable;
}
interface Limits {
  /** The most parts with files. */
  readonly files: number;
}
const names = new Set(['file', 'files']);

/**
 * Passes each file of a multipart body to `take`, one after another, as it arrives. A broken or cut body fails the file that
 * is being read, and then the whole. Reading stops when `take` fails.
 */
export async function readFiles<Taken>(
  request: FastifyRequest,
  { files }: Limits,
  take: (part: Part) => Promise<Taken>,
): Promise<Taken[]> {
  const parser = parserFor(contentType(request), files);
  const taking = onBehalf(take); // the parser calls back without the caller's context
  const taken: Promise<Taken>[] = [];
  let open: Readable | undefined;
  const stop = new AbortController();
  let problem: unknown;
  const fail = (error: unknown) => {
    problem ??= error;
    stop.abort();
    open?.destroy(problem as Error);
  };
  parser.on(
    'file',
    (field: string, content: BusboyFileStream, filename: string, _encoding: string, mimeType: string) => {
      content.on('error', () => {}); // its reader receives the error
      if (!names.has(field)) return void content.resume();
      open = content;
      const done = taking({ filename, mimeType, content });
      done.catch(fail);
      taken.push(done);
    },
  );
  parser.on('filesLimit', () => fail(new AppError('payload_too_large', `More than ${files} files at once.`)));
  parser.on('partsLimit', () => fail(bad('The multipart body has too many parts.')));
  await pipeline(request.raw, parser, { signal: stop.signal }).catch((thrown: unknown) => {
    fail(problem ?? cutOrBad(request, thrown));
  });
  const results = await Promise.allSettled(taken);
  if (problem === undefined) return results.map((result) => (result as PromiseFulfilledResult<Taken>).value);
  throw problem;
}

interface Reading {
  readonly preservePath?: boolean;
  /** A part of this name is a file even if it names none. */
  readonly unnamed?: string;
}

function parserFor(type: string, files: number, { unnamed, ...more }: Reading = {}): BusboyInstance {
  if (!/^multipart\/form-data\s*;/i.test(type)) throw bad('The body must be multipart/form-data.');
  try {
    return new Busboy({
      headers: { 'content-type': type },
      ...more,
      // otherwise a part without a file name would count as a file
      isPartAFile: (field, _type, filename) => filename !== undefined || (unnamed !== undefined && field === unnamed),
      limits: {
        files,
        fields: 100,
        parts: files + 101,
        fieldSize: 64 * 1024,
        headerPairs: 100,
        headerSize: 16 * 1024,
      },
    });
  } catch {
    throw bad('The multipart body has no boundary.');
  }
}

/**
 * As `readFiles`, for a body that another part decoded. File names stay as they are, with their folders; a part that names
 * none has an empty one.
 */
export async function multipartFiles<Taken>(
  body: Readable,
  type: string,
  take: (part: Part) => Promise<Taken>,
): Promise<Taken[]> {
  const parser = parserFor(type, 1_000, { preservePath: true, unnamed: 'file' });
  const stop = new AbortController();
  const taken: Promise<Taken>[] = [];
  let problem: unknown;
  let turn: Promise<unknown> = Promise.resolve();
  parser.on(
    'file',
    (field: string, content: BusboyFileStream, filename: string | undefined, _encoding: string, mimeType: string) => {
      content.on('error', () => {}); // its reader receives the error
      if (field !== 'file') return void content.resume();
      const done = turn.then(() => take({ filename: filename ?? '', mimeType, content }));
      turn = done.catch((thrown: unknown) => {
        problem ??= thrown;
        stop.abort();
      });
      taken.push(done);
    },
  );
  await pipeline(body, parser, { signal: stop.signal }).catch((thrown: unknown) => {
    problem ??= thrown instanceof AppError ? thrown : bad('The multipart body could not be read.');
  });
  const results = await Promise.allSettled(taken);
  if (problem !== undefined) throw problem;
  return results.map((result) => (result as PromiseFulfilledResult<Taken>).value);
}

/** The hook of the JSON routes removes this header, so that it cannot fail their bodies; here it is needed. */
function contentType({ raw }: FastifyRequest): string {
  const at = raw.rawHeaders.findIndex((name, n) => n % 2 === 0 && name.toLowerCase() === 'content-type');
  return at < 0 ? '' : (raw.rawHeaders[at + 1] ?? '');
}

function cutOrBad({ raw }: FastifyRequest, thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return raw.complete
    ? bad('The multipart body could not be read.')
    : new AppError('invalid_request', 'The upload was cut before its end.');
}

const bad = (msg: string) => new InvalidRequest([{ type: 'value_error', loc: ['body'], msg }], msg);
