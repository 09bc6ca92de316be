import { AppError } from '../../../core/errors/errors.ts';
import { detectArchiveFormat, isTarHeader } from '../../../core/text/files/archive-format.ts';

export interface TarEntry {
  readonly name: string;
  /** `0` file, `1` hard link, `2` symbolic link, `5` folder, `6` pipe. */
  readonly type: string;
  readonly link: string;
  readonly size: number;
  readonly pax: ReadonlyMap<string, string>;
  /** Readable only once, before the next entry is requested. */
  readonly content: AsyncIterable<Buffer>;
}

const block = 512;
const maxHeader = 1024 * 1024;
const noFields: ReadonlyMap<string, string> = new Map();

export const invalidArchiveError = (what: string): AppError =>
  new AppError('invalid_request', `The archive was refused: ${what}. Nothing was imported.`);

/** The stream is untrusted. Rejects: invalid_request (damaged, ambiguous, or with data after the end). */
export async function* readTarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void> {
  const bytes = new ByteReader(source);
  const format = detectArchiveFormat(await bytes.start());
  if (format && format !== 'tar') throw invalidArchiveError(`it is in the format ${format}, not a plain tar file`);
  let [pax, longName, longLink] = [noFields, undefined as string | undefined, undefined as string | undefined];
  for (;;) {
    const header = await bytes.take(block);
    if (isZero(header)) {
      for await (const rest of bytes.all()) if (!isZero(rest)) throw invalidArchiveError('it has data after its end');
      return;
    }
    if (!isTarHeader(header)) throw invalidArchiveError('it is not a tar file, or it is damaged');
    const type = String.fromCharCode(header[156] || 48);
    const ownSize = header.subarray(124, 136);
    if (type === 'x' || type === 'L' || type === 'K') {
      const size = sizeOf(ownSize); // a `size` field applies to the file, not to its extended header
      if (size > maxHeader) throw invalidArchiveError('a header is too long');
      const body = await bytes.take(size);
      await bytes.take(padding(size));
      if (type === 'x') pax = parseFields(body);
      else if (type === 'L') longName = text(body);
      else longLink = text(body);
      continue;
    }
    const size = sizeOf(pax.get('size') ?? ownSize);
    const content = bytes.part(size);
    yield {
      name: pax.get('path') ?? longName ?? shortName(header),
      link: pax.get('linkpath') ?? longLink ?? text(header.subarray(157, 257)),
      type,
      size,
      pax,
      content,
    };
    for await (const _ of content) {
      // skips unread content
    }
    await bytes.take(padding(size));
    [pax, longName, longLink] = [noFields, undefined, undefined];
  }
}

const padding = (size: number) => (block - (size % block)) % block;
const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString();
}

function shortName(header: Buffer): string {
  const isUstar = header.subarray(257, 263).toString('latin1') === 'ustar\0';
  const prefix = isUstar ? text(header.subarray(345, 500)) : '';
  const name = text(header.subarray(0, 100));
  return prefix === '' ? name : `${prefix}/${name}`;
}

function sizeOf(field: Buffer | string): number {
  const size = typeof field === 'string' ? decimal(field) : ofHeader(field);
  if (!Number.isSafeInteger(size) || size < 0) throw invalidArchiveError('a size is not a number');
  return size;
}
const decimal = (field: string) => (/^\d{1,16}$/.test(field) ? Number(field) : Number.NaN);
function ofHeader(field: Buffer): number {
  if (field[0] === 0x80) return Number(BigInt(`0x${field.subarray(1).toString('hex')}`));
  const digits = text(field).trim();
  return /^[0-7]{0,12}$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN;
}

/** Parses `<length> <name>=<value>\n` records. */
function parseFields(body: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at < body.length; ) {
    const blank = body.indexOf(32, at);
    const length = blank < 0 ? Number.NaN : decimal(body.subarray(at, blank).toString());
    const record = body.subarray(blank + 1, at + length);
    const equals = record.indexOf(61);
    const isRecord = length > 0 && at + length <= body.length && equals > 0 && record.at(-1) === 10;
    const name = isRecord ? record.subarray(0, equals).toString() : '';
    if (name === '' || fields.has(name)) throw invalidArchiveError('an extended header cannot be read');
    fields.set(name, record.subarray(equals + 1, -1).toString());
    at += length;
  }
  return fields;
}

class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Returns the first bytes without consuming them. Empty: the stream is empty. */
  start = async (): Promise<Buffer> => (await this.#next()) ?? Buffer.alloc(0);

  async take(size: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.part(size)) pieces.push(piece);
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  part(size: number): AsyncIterable<Buffer> {
    let left = size;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (left === 0) return { done: true, value: undefined };
      const piece = await this.#next();
      if (!piece) throw invalidArchiveError('it ends too early');
      const part = piece.subarray(0, left);
      this.#rest = piece.subarray(part.length);
      left -= part.length;
      return { done: false, value: part };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async *all(): AsyncGenerator<Buffer> {
    for (let piece = await this.#next(); piece; piece = await this.#next()) {
      this.#rest = Buffer.alloc(0);
      yield piece;
    }
  }

  async #next(): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return this.#rest;
  }
}
