import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { UsageError } from './exit-codes.ts';
import { type Io, writeWithBackpressure } from './io.ts';

/** Writes a stream to a file, completely or not at all; `-` is standard output. */
export async function saveToFile(file: string, body: Readable | ReadableStream<Uint8Array>, io: Io): Promise<void> {
  const content = body instanceof Readable ? body : Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  if (file === '-') {
    for await (const piece of content) await writeWithBackpressure(io.stdout, piece as Uint8Array);
    return;
  }
  const part = `${file}.${process.pid}.part`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await pipeline(content, createWriteStream(part), { signal: io.signal });
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

export async function readLocalFile(file: string, io: Io): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return io.stdin as AsyncIterable<Uint8Array>;
  if (!(await stat(file).catch(() => undefined))?.isFile()) throw new UsageError(`There is no file ${file}.`);
  return createReadStream(file, { highWaterMark: 1 << 18 });
}
