import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError, toAppError } from '../../../core/errors/errors.ts';

const pieceBytes = 256 * 1024;

/** Runs on the server, because gzip is slow on a sandbox's single processor. */
export async function* gunzipWithLimit(
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: pieceBytes });
  pipeline(content, gunzip, () => {}); // the reader receives the error
  let length = 0;
  try {
    for await (const piece of gunzip as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > maxBytes) throw unusable(`it unpacks to more than ${maxBytes} bytes`);
      yield piece;
    }
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    throw typeof code === 'string' && code.startsWith('Z_')
      ? unusable('it is not compressed with gzip')
      : toAppError(thrown);
  } finally {
    gunzip.destroy();
  }
}

const unusable = (why: string) =>
  new AppError('conflict', `The copy of files for this sandbox cannot be used: ${why}.`);
