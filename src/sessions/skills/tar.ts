import type { SkillEntry } from '../api/server/skills.ts';

// The form of POSIX ustar, which the tar of every image reads.

const block = 512;

/** The files as one archive. Paths have at most 200 bytes. */
export function tarOf(files: readonly (SkillEntry & { readonly bytes: Uint8Array })[], folder: string): Buffer {
  const parts = files.flatMap(({ path, bytes, executable }) => [
    ...headersOf(`${folder}/${path}`, bytes.length, executable ? 0o555 : 0o444),
    bytes,
    Buffer.alloc((block - (bytes.length % block)) % block),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

/** A path that does not fit stands in an entry before its own, as GNU tar has it. */
function headersOf(path: string, size: number, mode: number): Buffer[] {
  const name = Buffer.from(path);
  if (name.length <= 100) return [header(name, size, { mode, type: '0' })];
  const long = Buffer.concat([name, Buffer.alloc(1)]);
  const padded = Buffer.concat([long, Buffer.alloc((block - (long.length % block)) % block)]);
  const link = header(Buffer.from('././@LongLink'), long.length, { mode: 0o644, type: 'L' });
  return [link, padded, header(name.subarray(0, 100), size, { mode, type: '0' })];
}

function header(name: Buffer, size: number, { mode, type }: { readonly mode: number; readonly type: string }): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number) =>
    bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  name.copy(bytes, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  bytes.write('        ', 148, 'latin1'); // counts as spaces in the sum
  bytes.write(type, 156, 'latin1');
  bytes.write('ustar\x0000', 257, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
