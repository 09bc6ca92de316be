// Writes ustar archives with GNU extensions for long names and large files.

const block = 512;
const maxName = 100; // the maximum length of a path or link target in a header, in bytes
const maxOctal = 0o77777777777; // the largest size that eleven octal digits can hold

export const tarEnd: Uint8Array = Buffer.alloc(2 * block);

export const createTarPadding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block);

const typeSigns = { file: '0', link: '2', folder: '5' } as const;
interface EntryKind {
  readonly type?: keyof typeof typeSigns;
  readonly target?: string;
}

export function createTarHeaders(
  path: string,
  size: number,
  mode: number,
  { type = 'file', target = '' }: EntryKind = {},
): Buffer[] {
  const [name, link] = [Buffer.from(path), Buffer.from(target)];
  const own = header(name.subarray(0, maxName), size, { mode, type: typeSigns[type], link: link.subarray(0, maxName) });
  return [...longName('K', link), ...longName('L', name), own];
}

function longName(type: 'K' | 'L', name: Buffer): Buffer[] {
  if (name.length <= maxName) return [];
  const content = Buffer.concat([name, Buffer.alloc(1)]);
  return [
    header(Buffer.from('././@LongLink'), content.length, { mode: 0o644, type }),
    content,
    createTarPadding(content.length),
  ];
}

interface HeaderFields {
  readonly mode: number;
  readonly type: string;
  readonly link?: Buffer;
}
function header(name: Buffer, size: number, { mode, type, link }: HeaderFields): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number) =>
    bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  name.copy(bytes, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  if (size <= maxOctal) octal(size, 124, 12);
  else {
    bytes[124] = 0x80; // GNU tar's format for larger sizes
    bytes.writeUIntBE(size, 130, 6);
  }
  octal(0, 136, 12);
  bytes.write('        ', 148, 'latin1'); // the checksum field holds spaces while the sum is computed
  bytes.write(type, 156, 'latin1');
  link?.copy(bytes, 157);
  bytes.write('ustar\x0000', 257, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}
