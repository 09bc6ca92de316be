// The form of POSIX ustar, which the tar of every image reads.

const block = 512;
const maxOctal = 0o77777777777; // of the eleven digits of a size

/** The two empty blocks at the end of an archive. */
export const tarEnd: Uint8Array = Buffer.alloc(2 * block);

/** The zeros after a file's content. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block);

/** The header of a file, before its content. A path that does not fit stands in an entry before its own, as GNU tar has it. */
export function tarHeaders(path: string, size: number, mode: number): Buffer[] {
  const name = Buffer.from(path);
  if (name.length <= 100) return [header(name, size, { mode, type: '0' })];
  const long = Buffer.concat([name, Buffer.alloc(1)]);
  const link = header(Buffer.from('././@LongLink'), long.length, { mode: 0o644, type: 'L' });
  return [link, long, tarPadding(long.length), header(name.subarray(0, 100), size, { mode, type: '0' })];
}

function header(name: Buffer, size: number, { mode, type }: { readonly mode: number; readonly type: string }): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number) =>
    bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  name.copy(bytes, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  if (size <= maxOctal) octal(size, 124, 12);
  else {
    bytes[124] = 0x80; // GNU tar's form of larger sizes
    bytes.writeUIntBE(size, 130, 6);
  }
  octal(0, 136, 12);
  bytes.write('        ', 148, 'latin1'); // counts as spaces in the sum
  bytes.write(type, 156, 'latin1');
  bytes.write('ustar\x0000', 257, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
