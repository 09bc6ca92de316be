import { AppError } from '../../errors/errors.ts';

/** In hexadecimal digits. A tar file starts with the name of its first file, which none of them can be. */
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

/** The format of an archive or a compressed file, by its first bytes. Undefined: none of those that people send. */
export function detectArchive(start: Uint8Array): ArchiveFormat | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  if (bytes.toString('latin1', 257, 262) === 'ustar') return 'tar';
  const head = bytes.toString('hex', 0, 10);
  return (Object.keys(signs) as (keyof typeof signs)[]).find((format) => signs[format].test(head));
}

/** Passes the archive on, and fails at its start if that has the sign of another format. Rejects: invalid_request. */
export async function* expectArchive(
  content: AsyncIterable<Uint8Array>,
  ...expected: readonly ArchiveFormat[]
): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | undefined;
  for await (const piece of content) {
    if (!start) assertArchive(piece, ...expected);
    start ??= piece;
    yield piece;
  }
}

/** Rejects: invalid_request. */
export function assertArchive(start: Uint8Array, ...expected: readonly ArchiveFormat[]): void {
  const format = detectArchive(start);
  if (format === undefined || expected.includes(format)) return;
  const forms = expected.map((one) => (one === 'gzip' ? 'as tar with gzip (.tar.gz)' : `as ${one}`));
  throw new AppError('invalid_request', `The archive is in the format ${format}. Pack it ${forms.join(', or ')}.`);
}
