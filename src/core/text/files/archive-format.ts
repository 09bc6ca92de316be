import { constants, gunzipSync } from 'node:zlib';
import { AppError } from '../../errors/errors.ts';

/** Signatures in hex. A tar file without the `ustar` mark starts with a file name, which rarely matches one of them. */
const signs = {
  gzip: /^1f8b/,
  zstd: /^28b52ffd|^5.2a4d18/,
  xz: /^fd377a585a00/,
  bzip2: /^425a683\d314159265359/,
  lz4: /^04224d18/,
  lzip: /^4c5a495001/,
  lzma: /^5d0000/,
  compress: /^1f9d/,
  zip: /^504b(0304|0506)/,
  '7z': /^377abcaf271c/,
  rar: /^526172211a07/,
} as const;
export type ArchiveFormat = keyof typeof signs | 'tar';

export function detectArchiveFormat(start: Uint8Array): ArchiveFormat | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  if (bytes.toString('latin1', 257, 262) === 'ustar') return 'tar';
  const head = bytes.toString('hex', 0, 10);
  return (Object.keys(signs) as (keyof typeof signs)[]).find((format) => signs[format].test(head));
}

const sampleBytes = 4_096;

/**
 * Rejects: invalid_request (a known format that is not in `expected`, or a gzip file that contains no tar archive,
 * because tar can mistake such a file for an empty archive).
 */
export async function* expectArchive(
  content: AsyncIterable<Uint8Array>,
  ...expected: readonly ArchiveFormat[]
): AsyncGenerator<Uint8Array> {
  let start: Buffer | undefined = Buffer.alloc(0);
  const check = (bytes: Buffer) => {
    start = undefined;
    assertArchive(bytes, ...expected);
    if (detectArchiveFormat(bytes) !== 'gzip' || holdsTar(bytes)) return bytes;
    throw new AppError('invalid_request', 'There is no tar archive in the gzip file.');
  };
  for await (const piece of content) {
    if (!start) yield piece;
    else if (start.length + piece.length < sampleBytes) start = Buffer.concat([start, piece]);
    else yield check(Buffer.concat([start, piece]));
  }
  if (start) yield check(start);
}

function holdsTar(bytes: Buffer): boolean {
  try {
    const head = gunzipSync(bytes.subarray(0, sampleBytes), { finishFlush: constants.Z_SYNC_FLUSH });
    return isTarHeader(head.subarray(0, tarBlock));
  } catch {
    return true; // damaged; the unpacking program reports it
  }
}

const tarBlock = 512;
export function isTarHeader(block: Uint8Array): boolean {
  if (block.length < tarBlock) return false;
  const reported = Number.parseInt(Buffer.from(block.subarray(148, 156)).toString('latin1'), 8);
  let sum = 0;
  // the checksum field itself counts as spaces
  for (const [at, byte] of block.entries()) sum += at < 148 || at >= 156 ? byte : 32;
  return reported === sum || sum === 8 * 32;
}

/** Throws: invalid_request, for a known format that is not expected. */
export function assertArchive(start: Uint8Array, ...expected: readonly ArchiveFormat[]): void {
  const format = detectArchiveFormat(start);
  if (format === undefined || expected.includes(format)) return;
  const forms = expected.map((one) => (one === 'gzip' ? 'as tar with gzip (.tar.gz)' : `as ${one}`));
  throw new AppError('invalid_request', `The archive is in the format ${format}. Pack it ${forms.join(', or ')}.`);
}
