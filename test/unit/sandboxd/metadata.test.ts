import { execFileSync } from 'node:child_process';
import { link, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createPathOperations } from '../../../sandbox-images/sandboxd/paths/paths.ts';
import { pathRoutes } from '../../../sandbox-images/sandboxd/paths/routes.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { needs } from '../../support/servers/components.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

const text = (content: string) => Readable.from([Buffer.from(content)]);

async function opened(env: Record<string, string> = { PATH: process.env.PATH ?? '' }) {
  const root = folderOfTest();
  const clock = manualClock();
  const keepers = new Set<number>();
  const place = { root, roots: [root] } as unknown as Parameters<typeof createPathOperations>[0]['place'];
  const all = createPathOperations({ clock, place, env, keepers: keepers as never });
  onTestFinished(async () => {
    clock.advance(60_000); // ends the helper
    await expect.poll(() => keepers.size).toBe(0);
  });
  const at = (name: string) => join(root, name);
  return {
    ...all,
    root,
    at,
    keepers,
    write: (name: string, metadata = {}) => all.writePath(at(name), text(name), metadata),
    metadataOf: async (name: string) => (await all.statPath(at(name), { metadata: true })).metadata,
  };
}
beforeEach((context) => needs(context, 'perl'));

const setxattr = process.arch === 'x64' ? 188 : 5;
/** Sets an attribute as a program of the sandbox does. The value and the name are of Perl's syntax. */
const attribute = (file: string, name: string, value: string) =>
  perl(
    `my ($name, $value) = (${name}, ${value}); syscall(${setxattr}, $ARGV[0], $name, $value, length $value, 0)`,
    file,
  );
const perl = (code: string, ...words: string[]) => execFileSync('perl', ['-e', code, ...words]);

test('a file has the metadata of its last write, under each of its names', async () => {
  const it = await opened();
  expect((await it.write('a', { author: 'mish', 'x-y': '' })).metadata).toEqual({ author: 'mish', 'x-y': '' });
  await link(it.at('a'), it.at('b'));
  await symlink('a', it.at('link'));
  expect([await it.metadataOf('b'), await it.metadataOf('link')]).toEqual([
    { author: 'mish', 'x-y': '' },
    { author: 'mish', 'x-y': '' },
  ]);
  await it.write('a', { other: '1' }); // has two names, so it is overwritten
  expect([await it.metadataOf('a'), await it.metadataOf('b')]).toEqual([{ other: '1' }, { other: '1' }]);
  expect(await it.write('a')).not.toHaveProperty('metadata');
  expect(await it.metadataOf('b')).toBeUndefined();
  await it.write('c', { one: '1' });
  await it.write('c');
  expect(await it.metadataOf('c')).toBeUndefined();
});

test('metadata is in lists that ask for it, goes along with a move, and can be set by programs', async () => {
  const it = await opened();
  await it.write('d/a', { n: '1' });
  await it.write('d/b');
  attribute(it.at('d/b'), '"user.e2b.own"', '"ä"');
  attribute(it.at('d/b'), '"user.other"', '"1"');
  attribute(it.at('d/b'), '"user.e2b.bytes"', '"\\xff"');
  const listed = async (metadata: boolean) =>
    (await it.listPaths(it.root, { depth: 2, metadata })).map(({ name, metadata: found }) => [name, found]);
  expect(await listed(true)).toEqual([
    ['d', undefined],
    ['a', { n: '1' }],
    ['b', { own: 'ä' }],
  ]);
  expect((await listed(false)).map(([, found]) => found)).toEqual([undefined, undefined, undefined]);
  expect((await it.movePath(it.at('d/a'), it.at('e/f'))).metadata).toEqual({ n: '1' });
});

test('metadata that has no room, or no regular file, is refused and changes nothing', async () => {
  const it = await opened();
  await it.write('a', { kept: 'yes' });
  await link(it.at('a'), it.at('b'));
  const huge = { a: '1', b: 'x'.repeat(70_000) }; // the kernel takes at most 64 KiB of a value
  await expect(it.write('a', huge)).rejects.toMatchObject({ code: 'payload_too_large' });
  await expect(it.write('new', huge)).rejects.toMatchObject({ code: 'payload_too_large' });
  expect([await readFile(it.at('b'), 'utf8'), await it.metadataOf('b')]).toEqual(['a', { kept: 'yes' }]);
  expect((await it.listPaths(it.root, { depth: 1, metadata: false })).map(({ name }) => name)).toEqual(['a', 'b']);
  await expect(it.writePath('/dev/null', text('x'), { a: '1' })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a list with more metadata than an answer can have is refused, not cut', async () => {
  const it = await opened();
  await writeFile(it.at('a'), '');
  perl(
    `for (0 .. 99) { my ($name, $value) = ("user.e2b.$_", 1 . ""); syscall(${setxattr}, $ARGV[0], $name, $value, 1, 0) }`,
    it.at('a'),
  );
  for (let n = 0; n < 700; n++) await link(it.at('a'), it.at(`a${n}`));
  await expect(it.listPaths(it.root, { depth: 1, metadata: true })).rejects.toMatchObject({
    code: 'payload_too_large',
  });
});

test('an image without perl has no metadata, and refuses to write some', async () => {
  const it = await opened({ PATH: '/nowhere' });
  await expect(it.write('a', { a: '1' })).rejects.toMatchObject({ code: 'unsupported' });
  await it.write('b');
  expect(await it.metadataOf('b')).toBeUndefined();
  expect((await it.listPaths(it.root, { depth: 1, metadata: true })).map(({ name }) => name)).toEqual(['b']);
});

test('a body begins with its metadata, however it is cut into pieces', async () => {
  const it = await opened();
  const route = pathRoutes.find(({ method, path }) => method === 'PUT' && path === '/paths/content');
  const metadata = Buffer.from('{"a":"1"}');
  const put = (body: Buffer, piece: number, bytes: number) => {
    const pieces = Array.from({ length: Math.ceil(body.length / piece) }, (_, n) =>
      body.subarray(n * piece, (n + 1) * piece),
    );
    const query = new URLSearchParams({ path: it.at('f'), metadataBytes: String(bytes) });
    return route?.handle({ daemon: it, query, raw: Readable.from(pieces) } as never);
  };
  for (const piece of [1, 4, 9, 10, 100]) {
    await put(Buffer.concat([metadata, Buffer.from('content')]), piece, metadata.length);
    expect([await readFile(it.at('f'), 'utf8'), await it.metadataOf('f')]).toEqual(['content', { a: '1' }]);
  }
  for (const [body, bytes] of [
    ['{"a":"1"}', 10],
    ['{"a":1}rest', 7],
    ['["a"]', 5],
    ['{"a', 3],
    ['{}', 33_000],
  ] as const) {
    await expect(put(Buffer.from(body), 4, bytes)).rejects.toMatchObject({ code: 'invalid_request' });
  }
  expect(await readFile(it.at('f'), 'utf8')).toBe('content');
});
