import { crc32, deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { AppError } from '../../../src/core/errors/errors.ts';
import { checkSkillFolder } from '../../../src/sessions/skills/skill-files.ts';
import { unpackSkill } from '../../../src/sessions/skills/skills.ts';

// Archives as the programs of people pack them, byte by byte.

interface PackedEntry {
  readonly name: string | Buffer;
  readonly text?: string;
  /** The mode of Unix in the upper half. */
  readonly mode?: number;
  /** 0x800: the name is UTF-8. 1: encrypted. 8: the sizes follow the content. */
  readonly flags?: number;
  readonly method?: number;
  readonly size?: number;
  readonly extra?: Buffer;
  readonly sizes?: 'zip64';
}
const u16 = (...values: number[]) => Buffer.concat(values.map((value) => Buffer.from([value & 255, value >> 8])));
function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * at);
  return bytes;
}
const u64 = (value: number) => u32(value, 0);
const none = Buffer.alloc(0);

function pack(entries: readonly PackedEntry[], { comment = '', disk = 0 } = {}): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const { name, text = '', mode = 0, flags = 0x800, method = 0, size, extra = none, sizes } of entries) {
    const content = Buffer.from(text);
    const data = method === 8 ? deflateRawSync(content) : content;
    const sum = crc32(content);
    const title = Buffer.from(name);
    const isLate = (flags & 8) !== 0;
    const real = u32(sum, data.length, size ?? content.length);
    const large = sizes ? Buffer.concat([u16(1, 16), u64(size ?? content.length), u64(data.length)]) : none;
    const shown = sizes ? u32(sum, 0xffffffff, 0xffffffff) : real;
    const common = u16(flags, method, 0, 0x21);
    const lengths = u16(title.length, extra.length + large.length);
    const begin = at;
    const local = [u32(0x04034b50), u16(20), common, isLate ? u32(0, 0, 0) : shown, lengths, title, extra, large, data];
    if (isLate) local.push(u32(0x08074b50), real);
    for (const part of local) {
      parts.push(part);
      at += part.length;
    }
    central.push(
      ...[u32(0x02014b50), u16(0x031e, 20), common, shown, lengths, u16(0, 0, 0), u32(mode << 16, begin)],
      ...[title, extra, large],
    );
  }
  const list = Buffer.concat(central);
  const end = [u32(0x06054b50), u16(disk, 0, entries.length, entries.length), u32(list.length, at)];
  return Buffer.concat([...parts, list, ...end, u16(comment.length), Buffer.from(comment)]);
}

const skill = { name: 'a/SKILL.md', text: '---\nname: a\ndescription: What it does.\n---\nText.\n' };
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const [oem, utf8] = [latin1('a/\x81.md'), Buffer.from('a/ü.md')];
const second = Buffer.concat([u16(0x7075, 5 + utf8.length), Buffer.from([1]), u32(crc32(oem)), utf8]);
const twoNames = { name: oem, flags: 0, extra: second };

const rows: Record<string, [archive: Buffer, outcome: readonly string[] | RegExp]> = {
  'a folder': [pack([{ name: 'a/', mode: 0o40755 }, skill, { name: 'a/b.txt', text: 'b' }]), ['SKILL.md', 'b.txt']],
  'files without a folder': [pack([{ ...skill, name: 'SKILL.md' }]), ['SKILL.md']],
  'a program': [pack([skill, { name: 'a/run', text: 'x', mode: 0o100755 }]), ['SKILL.md', 'run +x']],
  compressed: [pack([{ ...skill, method: 8 }]), ['SKILL.md']],
  'sizes behind the contents, of a stream': [pack([{ ...skill, method: 8, flags: 0x808 }]), ['SKILL.md']],
  zip64: [pack([{ ...skill, sizes: 'zip64' }]), ['SKILL.md']],
  'a comment': [pack([skill], { comment: 'made by hand' }), ['SKILL.md']],
  'what macOS adds': [
    pack([skill, { name: '__MACOSX/a/._SKILL.md', text: 'x' }, { name: 'a/.DS_Store', text: 'x' }]),
    ['SKILL.md'],
  ],
  'UTF-8 that is not marked, decomposed, as macOS writes it': [
    pack([skill, { name: 'a/Café.md'.normalize('NFD'), text: 'x', flags: 0 }]),
    ['Café.md', 'SKILL.md'],
  ],
  'CP437, as Windows writes it': [pack([skill, { name: latin1('a/\x81ber.md'), flags: 0 }]), ['SKILL.md', 'über.md']],
  // Names say too little for a guess at their encoding, so they are read in the one of the format.
  'GBK, as Chinese Windows writes it': [
    pack([skill, { name: latin1('a/\xb2\xce\xbf\xbc.md'), flags: 0 }]),
    ['SKILL.md', '▓╬┐╝.md'],
  ],
  'a name in UTF-8 beside one of another encoding': [pack([skill, twoNames]), ['SKILL.md', 'ü.md']],
  'separators of Windows': [pack([skill, { name: 'a\\b\\c.txt', text: 'x' }]), ['SKILL.md', 'b/c.txt']],
  'text behind its end': [Buffer.concat([pack([skill]), Buffer.from('\n')]), /extra bytes/],
  'a program before it, which unpacks itself': [
    Buffer.concat([Buffer.from('#!/bin/sh\n'), pack([skill])]),
    /There is no SKILL.md/,
  ],
  'an absolute name': [pack([skill, { name: '/etc/passwd' }]), /absolute path/],
  'a name that leads out': [pack([skill, { name: 'a/../../x' }]), /relative path|invalid/],
  'a drive': [pack([skill, { name: 'C:\\x' }]), /absolute path/],
  'two files of one name': [pack([skill, { name: 'a/b' }, { name: 'a/b' }]), /"a\/b" is listed twice/],
  'two names that look alike': [
    pack([skill, { name: 'a/é' }, { name: 'a/é'.normalize('NFD') }]),
    /"a\/é" is listed twice/,
  ],
  'a file that is also a folder': [pack([skill, { name: 'a/b' }, { name: 'a/b/c' }]), /lies below a file/],
  'a link': [pack([skill, { name: 'a/l', text: '/etc/passwd', mode: 0o120777 }]), /a\/l is a link/],
  'a device': [pack([skill, { name: 'a/null', mode: 0o20666 }]), /a\/null is a device/],
  'a password': [pack([{ ...skill, flags: 0x801 }]), /size|password|encrypted/],
  'an unknown compression': [pack([{ ...skill, method: 93 }]), /compression method: 93/],
  'a bomb': [pack([skill, { name: 'a/b', text: 'x'.repeat(40_000_000), method: 8 }]), /more than 31457280 bytes/],
  'a bomb that hides its size': [
    pack([skill, { name: 'a/b', text: 'x'.repeat(40_000_000), method: 8, size: 10 }]),
    /too many bytes/,
  ],
  'too many entries': [pack(Array.from({ length: 3_000 }, (_, n) => ({ name: `a/${n}` }))), /3000 entries/],
  'several disks': [pack([skill], { disk: 1 }), /multi-disk/],
  'a cut archive': [pack([skill, { name: 'a/b', text: 'x'.repeat(100) }]).subarray(0, -60), /cannot be read/],
  'an empty archive': [pack([]), /There are no files/],
};

test.each(Object.entries(rows))('a skill in an archive with %s', async (_, [bytes, outcome]) => {
  const refused = ({ publicMessage }: AppError) => ({ problems: [publicMessage], folder: undefined });
  const { problems, folder } = await unpackSkill([{ path: 'a.zip', bytes }]).then(checkSkillFolder, refused);
  const files = folder?.files.map(({ path, executable }) => `${path}${executable ? ' +x' : ''}`);
  if (outcome instanceof RegExp) expect(problems.join('\n')).toMatch(outcome);
  else expect([problems, files]).toEqual([[], outcome]);
});
