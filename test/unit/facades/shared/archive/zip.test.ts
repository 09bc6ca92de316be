import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import { createZipStream } from '../../../../../src/facades/shared/archive/zip.ts';
import { unzip } from '../../../../support/unzip.ts';

const modified = '2024-05-06T07:08:10Z';
const bytesOf = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream));

const file = (bytes: Buffer) => ({ size: bytes.length, content: Readable.from([bytes], { objectMode: false }) });

async function packed(contents: Readonly<Record<string, string>>, time = modified) {
  const files = Object.keys(contents).map((path) => ({ path, size: 0, modified: time }));
  const open = async (path: string) => file(Buffer.from(contents[path] ?? 'unexpected request'));
  return bytesOf(createZipStream({ files, emptyFolders: [], others: [] }, { open, maxPacked: 2 ** 20 }));
}
test('a zip file is one that others can read', async () => {
  const entry = { time: '2024-05-06T07:08:10.000Z', mode: '100644' };
  expect(await unzip(await packed({ 'a/ü.txt': 'x'.repeat(10_000), 'b.txt': 'é', empty: '' }))).toEqual([
    { ...entry, name: 'a/ü.txt', content: 'x'.repeat(10_000) },
    { ...entry, name: 'b.txt', content: 'é' },
    { ...entry, name: 'empty', content: '' },
  ]);
});

test('a zip file of nothing is one too', async () => expect(await packed({})).toHaveLength(22));

test('no entry of a zip file unpacks outside its folder, on any system', async () => {
  const archive = await packed({
    '../../tmp/evil.sh': 'lie',
    '/etc/cron.d/evil': 'lie',
    'a/../../b': 'lie',
    '..\\..\\evil.bat': 'strange',
    'C:\\evil.bat': 'strange',
    'caf\\xE9.txt': 'not UTF-8',
    'exe\u202egpj.txt': 'strange',
    'A.txt': 'one',
    'a.txt': 'two',
  });
  const entries = (await unzip(archive)).filter(({ name }) => name !== 'LEFT_OUT.txt');
  expect(entries.map(({ name, content }) => [name, content])).toEqual([
    ['.._.._evil.bat', 'strange'],
    ['C__evil.bat', 'strange'],
    ['caf_xE9.txt', 'not UTF-8'],
    ['exe_gpj.txt', 'strange'],
    ['A.txt', 'one'],
    ['a (2).txt', 'two'],
  ]);
});

test.each(['yesterday', '-271821-04-20T00:00:00Z', '+275760-09-13T00:00:00Z'])(
  'a file of the time %s is packed all the same',
  async (time) => expect(await unzip(await packed({ a: 'x' }, time))).toMatchObject([{ name: 'a', content: 'x' }]),
);

test('zip reads one file at a time, and none before the reader takes the output', async () => {
  let open = 0;
  const requests: string[] = [];
  const files = Array.from({ length: 20 }, (_, n) => ({ path: `${n}`, size: 2 ** 20, modified }));
  const content = randomBytes(2 ** 20); // random, so compression cannot shrink it
  const stream = createZipStream(
    { files, emptyFolders: [], others: [] },
    {
      maxPacked: 2 ** 30,
      open: async (path) => {
        expect(++open).toBe(1);
        requests.push(path);
        const { size, content: stream } = file(content);
        stream.once('end', () => open--);
        return { size, content: stream };
      },
    },
  );
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
  expect(requests.length).toBeLessThan(3);
  stream.destroy();
});

const broken = (at: number, error: Error) =>
  Readable.from(
    (async function* () {
      yield Buffer.alloc(at);
      throw error;
    })(),
    { objectMode: false },
  );
const gone = new AppError('file_not_found', 'There is no file b.');
const shrunk = new AppError('conflict', 'The file became shorter while it was read.');
test.each([
  ['a file that is gone', () => Promise.reject(gone), ['a', 'c'], 'b: There is no file b.'],
  [
    'a file that becomes shorter',
    async () => ({ size: 9, content: broken(5, shrunk) }),
    ['a', 'c'],
    'b: The file became',
  ],
  [
    'a sandbox that ends',
    async () => ({ size: 9, content: broken(5, new Error('gone')) }),
    ['a'],
    'c: the sandbox ended',
  ],
  [
    'a file that became too large',
    async () => file(Buffer.alloc(100)),
    ['a', 'c'],
    'b: the archive would be too large',
  ],
])('a zip file of a folder that changes ends, and names what it lacks: %s', async (_, second, names, words) => {
  const files = ['a', 'b', 'c'].map((path) => ({ path, size: 1, modified }));
  const open = async (path: string) => (path === 'b' ? second() : file(Buffer.from(path)));
  const listing = { files, emptyFolders: ['d/e'], others: ['link'] };
  const entries = await unzip(await bytesOf(createZipStream(listing, { open, maxPacked: 50 })));
  expect(entries.map(({ name }) => name)).toEqual([...names, 'd/e/', 'LEFT_OUT.txt']);
  expect(entries.at(-1)?.content).toContain(words);
  expect(entries.at(-1)?.content).toContain('link: a link');
});
