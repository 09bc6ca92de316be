import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { expectArchive } from '../../../src/core/text/files/archive-format.ts';
import { readTarEntries } from '../../../src/sessions/forks/archive/tar-reader.ts';
import { checkWorkspaceArchive } from '../../../src/sessions/forks/archive/workspace-check.ts';
import { unpackSkill } from '../../../src/sessions/skills/skills.ts';
import { tarOf } from '../../support/hostile/tar-entries.ts';

// Archives in formats that people send, where one of a certain format is expected.

const tar = tarOf({ name: 'a', content: 'hi' });
const packed = (head: string) => Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(600, 'x')]);
/** The first bytes are those that the programs write. */
const archives: Readonly<Record<string, readonly [format: string, Buffer]>> = {
  'tar.gz': ['gzip', gzipSync(tar)],
  tar: ['tar', tar],
  zip: ['zip', packed('504b03040a000000000031877c5d7a7a')],
  'an empty zip': ['zip', packed('504b0506000000000000')],
  'tar.zst': ['zstd', packed('28b52ffd045805030082c40d139025ea')],
  'tar.zst of pzstd': ['zstd', packed('502a4d1804000000')],
  'tar.xz': ['xz', packed('fd377a585a000004e6d6b44602002101')],
  'tar.bz2': ['bzip2', packed('425a68393141592653595d4d5c750000')],
  'tar.bz2 of bzip2 -1': ['bzip2', packed('425a68313141592653595d4d5c750000')],
  'tar.lz4': ['lz4', packed('04224d186440a7b20000003f2e2f0001')],
  'tar.lz': ['lzip', packed('4c5a49500114')],
  'tar.lzma': ['lzma', packed('5d00008000ffffffffffffffff00170b')],
  'tar.Z': ['compress', packed('1f9d90')],
  '7z': ['7z', packed('377abcaf271c0004')],
  rar: ['rar', packed('526172211a070100')],
};
const rows = Object.entries(archives);
async function* inPieces(bytes: Buffer, size = 300): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test.each(rows)('files of a build and a volume in %s', async (_, [format, bytes]) => {
  for (const expected of [['tar', 'gzip'], ['gzip']] as const) {
    const passed = Array.fromAsync(expectArchive(inPieces(bytes), ...expected)).then(Buffer.concat);
    if ((expected as readonly string[]).includes(format)) expect((await passed).equals(bytes)).toBe(true);
    else await expect(passed).rejects.toThrow(`The archive is in the format ${format}. Pack it as tar`);
  }
});

test.each([
  ['an empty file', ''],
  ['a note', 'hello'],
  ['a page', 'hello\n'.repeat(200)],
])('a volume in the gzip file of %s', async (_, text) => {
  const passed = Array.fromAsync(expectArchive(inPieces(gzipSync(text)), 'gzip'));
  await expect(passed).rejects.toThrow('There is no tar archive in the gzip file.');
});

test.each([
  ['without files', tarOf()],
  ['of many files', tarOf(...Array.from({ length: 300 }, (_, n) => ({ name: `${n}`, content: `${n * n}` })))],
])('a volume in the gzip file of a tar archive %s', async (_, bytes) => {
  for (const size of [1, 300, 100_000]) {
    const pieces = expectArchive(inPieces(gzipSync(bytes), size), 'gzip');
    expect(gunzipSync(Buffer.concat(await Array.fromAsync(pieces))).equals(bytes)).toBe(true);
  }
});

test.each(rows)('a skill in %s', async (_, [format, bytes]) => {
  const unpacked = unpackSkill([{ path: 'skill', bytes }]);
  await expect(unpacked).rejects.toThrow(
    format === 'zip' ? 'cannot be read' : `in the format ${format}. Pack it as zip.`,
  );
});

test.each(rows)('a snapshot in %s', async (_, [format, bytes]) => {
  const read = Array.fromAsync(readTarEntries(inPieces(bytes)), ({ name }) => name);
  if (format === 'tar') expect(await read).toEqual(['a']);
  else await expect(read).rejects.toThrow(`it is in the format ${format}, not a plain tar file`);
});

test.each(rows)('a snapshot whose files are in %s', async (_, [format, bytes]) => {
  const checked = Array.fromAsync(checkWorkspaceArchive(inPieces(bytes), { maxBytes: 10_000, maxEntries: 20 }));
  if (format === 'gzip') expect(Buffer.concat(await checked).equals(bytes)).toBe(true);
  else await expect(checked).rejects.toThrow(`its files are in the format ${format}, not compressed with gzip`);
});

test.each(['PK.md', 'BZhang.txt', 'LZIP', 'Rar!', ']', '7z'])(
  'a tar file that starts with the file %s',
  async (name) => {
    expect(await Array.fromAsync(readTarEntries(inPieces(tarOf({ name }))), (entry) => entry.name)).toEqual([name]);
  },
);
