import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';

export interface ZipEntry {
  /** Relative, `/` between its parts. */
  readonly name: string;
  readonly modified: Date;
  readonly read: () => Promise<Buffer>;
}
const deflate = promisify(deflateRaw);
const maxBytes = 0xffff_ffff;
const utf8 = 0x0800;

/** A zip file, one entry in memory at a time. Holds what the plain format can: 65,535 entries, 4 GiB. */
export async function* zip(entries: readonly ZipEntry[]): AsyncGenerator<Buffer> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const content = await entry.read();
    const packed = await deflate(content);
    const body = packed.length < content.length ? packed : content;
    const name = Buffer.from(entry.name);
    const head = header(name, entry.modified, { content, body, isPacked: body === packed });
    directory.push(
      Buffer.concat([
        bytes([0x02014b50, 4], [20 | (3 << 8), 2]), // made on Unix, so that the mode counts
        head,
        bytes([0, 2], [0, 2], [0, 2], [(0o100644 << 16) >>> 0, 4], [offset, 4]),
        name,
      ]),
    );
    const local = Buffer.concat([bytes([0x04034b50, 4]), head, name]);
    offset += local.length + body.length;
    if (offset > maxBytes) throw new Error('the zip file would be larger than 4 GiB');
    yield local;
    yield body;
  }
  const all = Buffer.concat(directory);
  const count = directory.length;
  yield Buffer.concat([
    all,
    bytes([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [all.length, 4], [offset, 4], [0, 2]),
  ]);
}

/** The part that an entry has in common with its line in the directory. */
function header(
  name: Buffer,
  modified: Date,
  { content, body, isPacked }: { content: Buffer; body: Buffer; isPacked: boolean },
): Buffer {
  const year = Math.min(Math.max(modified.getUTCFullYear(), 1980), 2107);
  const time = (modified.getUTCHours() << 11) | (modified.getUTCMinutes() << 5) | (modified.getUTCSeconds() >> 1);
  const date = ((year - 1980) << 9) | ((modified.getUTCMonth() + 1) << 5) | modified.getUTCDate();
  return bytes(
    [20, 2],
    [utf8, 2],
    [isPacked ? 8 : 0, 2],
    [time, 2],
    [date, 2],
    [crc32(content), 4],
    [body.length, 4],
    [content.length, 4],
    [name.length, 2],
    [0, 2],
  );
}

/** Little-endian numbers of so many bytes. */
function bytes(...fields: readonly [value: number, size: 2 | 4][]): Buffer {
  const buffer = Buffer.alloc(fields.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [value, size] of fields) at = buffer.writeUIntLE(value, at, size);
  return buffer;
}
