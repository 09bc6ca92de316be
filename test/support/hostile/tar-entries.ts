const block = 512;

/** An entry as an attacker writes it: every field can lie. */
export interface WrittenEntry {
  readonly name: string;
  readonly type?: string;
  readonly link?: string;
  readonly content?: Buffer | string;
  /** The header's; by default that of the content. */
  readonly size?: number;
  readonly pax?: Readonly<Record<string, string>>;
}

export const tarOf = (...entries: readonly WrittenEntry[]): Buffer =>
  Buffer.concat([...entries.map(entryOf), Buffer.alloc(2 * block)]);

function entryOf({ name, type = '0', link = '', content = '', size, pax }: WrittenEntry): Buffer {
  const body = Buffer.from(content);
  const before = pax ? entryOf({ name: 'pax', type: 'x', content: Object.entries(pax).map(record).join('') }) : '';
  const header = Buffer.alloc(block);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write(`${(size ?? body.length).toString(8).padStart(11, '0')}\0`, 124);
  header.write(' '.repeat(8), 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write('ustar\x0000', 257);
  header.write(
    `${header
      .reduce((all, byte) => all + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return Buffer.concat([Buffer.from(before), header, body, Buffer.alloc((block - (body.length % block)) % block)]);
}

function record([field, value]: readonly [string, string]): string {
  const rest = Buffer.byteLength(` ${field}=${value}\n`);
  const length = [1, 2, 3, 4, 5].map((digits) => rest + digits).find((sum) => `${sum}`.length === sum - rest);
  return `${length} ${field}=${value}\n`;
}
