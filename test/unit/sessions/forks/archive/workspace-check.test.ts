import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { checkWorkspaceArchive } from '../../../../../src/sessions/forks/archive/workspace-check.ts';
import { tarOf, type WrittenEntry } from '../../../../support/hostile/tar-entries.ts';

const limits = { maxBytes: 10_000, maxEntries: 20 };

async function* inPieces(bytes: Buffer, size = 700): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const checked = async (bytes: Buffer) =>
  Buffer.concat(await Array.fromAsync(checkWorkspaceArchive(inPieces(bytes), limits)));
const unpacked = (...entries: readonly WrittenEntry[]) => checked(gzipSync(tarOf(...entries)));

test('files, folders, links and sparse files of a workspace pass, byte for byte', async () => {
  const bytes = gzipSync(
    tarOf(
      { name: './src/', type: '5' },
      { name: './src/a.ts', content: 'a'.repeat(3_000) },
      { name: './bin', type: '2', link: '/usr/bin/python3' },
      { name: './b.ts', type: '1', link: './src/a.ts' },
      { name: './pipe', type: '6' },
      { name: './GNUSparseFile.1/big', pax: { 'GNU.sparse.name': './big', 'GNU.sparse.realsize': '9' }, content: 'x' },
      { name: './long', pax: { path: `./${'d/'.repeat(90)}long`, mtime: '1.5', 'SCHILY.xattr.user.a': 'b' } },
    ),
  );
  expect((await checked(bytes)).equals(bytes)).toBe(true);
});

const outside = 'outside of the workspace';
const through = 'through the link';
const toEtc = { name: 'a', type: '2', link: '/etc' };
const refused: readonly (readonly [string, string, ...WrittenEntry[]])[] = [
  ['an absolute path', outside, { name: '/etc/passwd', content: 'x' }],
  ['a path that climbs', outside, { name: 'a/../../x' }],
  ['a climbing path of an extended header', outside, { name: 'a', pax: { path: '../x' } }],
  ['a climbing path of a sparse file', outside, { name: 'a', pax: { 'GNU.sparse.name': '../x' } }],
  ['a long name that climbs', outside, { name: 'l', type: 'L', content: '../x\0' }, { name: 'a' }],
  ['a hard link to a file outside', outside, { name: 'a', type: '1', link: '/etc/passwd' }],
  ['a hard link that climbs', outside, { name: 'a', type: '1', link: '../../etc/passwd' }],
  ['a file behind a link', through, toEtc, { name: 'a/passwd', content: 'x' }],
  ['a file in the place of a link', through, { name: 'a', type: '2', link: '/etc/passwd' }, { name: './a' }],
  ['a file behind a hard link to a link', through, toEtc, { name: 'b', type: '1', link: 'a' }, { name: 'b/passwd' }],
  ['a hard link behind a link', through, toEtc, { name: 'b', type: '1', link: 'a/passwd' }],
  ['a device', 'is a device', { name: 'sda', type: '3' }],
  ['a header for all that follows', 'is a device or another', { name: 'g', type: 'g', content: '11 path=x\n' }],
  [
    'a device that a long name with a second size covers',
    'is a device',
    { name: 'x', type: 'x', content: '13 size=1536\n' },
    { name: 'l', type: 'L', content: 'good\0'.padEnd(512, '\0') },
    { name: 'sda', type: '3' },
  ],
  ['an unknown field', 'unknown field', { name: 'a', pax: { 'GNU.sparse.map': '0,1' } }],
  ['a folder with content', 'is not a file but has content', { name: 'a', type: '5', content: 'x' }],
  ['a size that the content has not', 'ends too early', { name: 'a', size: 9_000 }],
  ['a size of an extended header that is no number', 'is not a number', { name: 'a', pax: { size: '-1' } }],
];
test.for(refused)('%s is refused', ([, reason, ...entries]) =>
  expect(unpacked({ name: 'first', content: 'x' }, ...entries)).rejects.toMatchObject({
    code: 'invalid_request',
    publicMessage: expect.stringContaining(reason),
  }),
);

const file = (size: number): WrittenEntry => ({ name: 'a', content: Buffer.alloc(size) });
const sparse = { name: 'a', pax: { 'GNU.sparse.name': 'a', 'GNU.sparse.realsize': '20000' } };
const tooLarge: readonly (readonly [string, ...WrittenEntry[]])[] = [
  ['files', file(6_000), file(6_000)],
  ['a sparse file', sparse],
  ['entries', ...Array.from({ length: 21 }, (_, n) => ({ name: `f${n}`, type: '5' }))],
  ['headers', ...Array.from({ length: 200 }, () => ({ name: 'x', type: 'L', content: Buffer.alloc(2_000, 'a') }))],
];
test.for(tooLarge)('more %s than allowed are refused', ([, ...entries]) =>
  expect(unpacked(...entries)).rejects.toMatchObject({ code: 'payload_too_large' }),
);

test('zeros behind the end of the archive count against the limit', async () => {
  const bomb = gzipSync(Buffer.concat([tarOf(), Buffer.alloc(200_000)]));
  expect(bomb.length).toBeLessThan(1_000);
  await expect(checked(bomb)).rejects.toMatchObject({ code: 'payload_too_large' });
});

const whole = gzipSync(
  tarOf({ name: 'a', content: Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7919) % 251)) }),
);
const damaged: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['something else', Buffer.from('no archive at all')],
  ['the first half', whole.subarray(0, whole.length / 2)],
  ['an altered byte', Buffer.from(whole.map((byte, at) => (at === whole.length - 5 ? byte ^ 1 : byte)))],
  ['a tar file that is not compressed', tarOf({ name: 'a' })],
  ['bytes behind the end', Buffer.concat([whole, Buffer.from('more')])],
  ['much behind the end', Buffer.concat([whole, Buffer.alloc(100_000, 1)])],
  ['another archive behind the end', gzipSync(Buffer.concat([gunzipSync(whole), tarOf({ name: 'b' })]))],
  ['an end that lacks', gzipSync(gunzipSync(whole).subarray(0, -1_024))],
];
test.for(damaged)('%s is refused', ([, bytes]) =>
  expect(checked(bytes)).rejects.toMatchObject({ code: 'invalid_request' }),
);

test('nothing that was refused passes whole, so that whoever keeps it keeps nothing', async () => {
  const bytes = gzipSync(tarOf({ name: 'good', content: 'x'.repeat(5_000) }, { name: '../bad' }));
  const passed: Buffer[] = [];
  const passing = async () => {
    for await (const piece of checkWorkspaceArchive(inPieces(bytes, 10), limits)) passed.push(Buffer.from(piece));
  };
  await expect(passing()).rejects.toMatchObject({ code: 'invalid_request' });
  expect(Buffer.concat(passed).length).toBeLessThan(bytes.length);
});

test('a caller who goes away in the middle ends the check with that error', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield whole.subarray(0, 100);
    throw new Error('the connection broke');
  }
  await expect(Array.fromAsync(checkWorkspaceArchive(broken(), limits))).rejects.toThrow('the connection broke');
});
