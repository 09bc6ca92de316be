import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import type { OpenFile } from '../../../sandbox-images/sandboxd/daemon.ts';
import { createConfinedPaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { createFileOperations } from '../../../sandbox-images/sandboxd/files/files.ts';
import { createPathOperations } from '../../../sandbox-images/sandboxd/paths/paths.ts';
import { createFileTransfers } from '../../../sandbox-images/sandboxd/real-daemon.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { oddNames } from '../../support/odd-names.ts';

// Paths as clients write them, for each way in which the daemon reads and writes files.

/** A workspace with the file `f`, the folder `d` with the file `d/in`, and these links. */
async function workspace(links: Readonly<Record<string, string>> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'corral-paths-'));
  const clock = manualClock();
  onTestFinished(() => {
    clock.advance(60_000); // ends the helper
    rmSync(root, { recursive: true });
  });
  writeFileSync(join(root, 'f'), 'old');
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/in'), 'old');
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  const place = await createConfinedPaths(root);
  const env = { PATH: process.env.PATH ?? '' };
  const anywhere = createPathOperations({ place, env, clock, keepers: new Set() as never });
  return { root, anywhere, inside: { ...createFileOperations(place), ...createFileTransfers(place) } };
}
type Workspace = Awaited<ReturnType<typeof workspace>>;
const content = () => Readable.from([Buffer.from('new')]);

const writers: readonly (readonly [string, (it: Workspace, path: string) => Promise<unknown>])[] = [
  ['writeFile', ({ inside }, path) => inside.writeFile(path, content(), 'replace')],
  ['an append', ({ inside }, path) => inside.writeFile(path, content(), 'append')],
  ['an upload', ({ inside }, path) => inside.receiveFile(path, content(), undefined)],
  ['writePath', ({ anywhere }, path) => anywhere.writePath(path, content(), {})],
  ['a move', ({ anywhere }, path) => anywhere.movePath('d/in', path)],
];
const readers: readonly (readonly [string, (it: Workspace, path: string) => Promise<OpenFile>])[] = [
  ['openFile', ({ inside }, path) => inside.openFile(path, undefined)],
  ['a download', ({ inside }, path) => inside.sendFile(path, {})],
  ['openPath', ({ anywhere }, path) => anywhere.openPath(path, {})],
];
const cross = <Way>(ways: readonly (readonly [string, Way])[], paths: readonly string[]) =>
  ways.flatMap(([name, way]) => paths.map((path) => [name, path, way] as const));

test.each(cross(writers, ['f/', 'f/.', 'f//', 'new/', 'new/.', 'new/x/..', 'd/', 'd/.', '.', './']))(
  '%s to %j, which is a folder’s name, is refused',
  async (_name, path, write) => {
    const it = await workspace();
    await expect(write(it, path)).rejects.toMatchObject({ code: 'invalid_request' });
    expect(readFileSync(join(it.root, 'f'), 'utf8') + readFileSync(join(it.root, 'd/in'), 'utf8')).toBe('oldold');
    expect(readdirSync(it.root).filter((name) => name !== 'd' && name !== 'f' && name !== 'new')).toEqual([]);
  },
);

test.each(cross(readers, ['f/', 'f/.', 'd/', '.']))('%s of %j is refused', async (_name, path, read) => {
  await expect(read(await workspace(), path)).rejects.toMatchObject({ code: 'invalid_request' });
});

test.each(cross(readers, ['link', 'chain', './link']))(
  '%s of %j names what the link leads to',
  async (_name, path, read) => {
    const it = await workspace({ link: 'gone/\u202etxt', chain: 'link' });
    const target = path === 'chain' ? 'link' : 'gone/\\u{202e}txt';
    const publicMessage = `${path} is a link to ${target}, and nothing exists there.`;
    await expect(read(it, path)).rejects.toMatchObject({ code: 'file_not_found', publicMessage });
  },
);

test.each(cross(writers.slice(0, -1), ['link', 'chain']))(
  '%s to %j creates the file that the link names',
  async (_name, path, write) => {
    const it = await workspace({ link: 'd/made', chain: 'link' });
    await write(it, path);
    expect(readFileSync(join(it.root, 'd/made'), 'utf8')).toBe('new');
    expect(readlinkSync(join(it.root, 'link'))).toBe('d/made');
  },
);

test.each([
  ['outside', '/nowhere/corral', 'path_outside'],
  ['loop', 'loop', 'invalid_request'],
])('a write through the link %s to %s is refused', async (name, target, code) => {
  const { inside } = await workspace({ [name]: target });
  await expect(inside.writeFile(name, content(), 'replace')).rejects.toMatchObject({ code });
});

test.each(['d/', 'd/.'])('%j is deleted as the folder that it is', async (path) => {
  const it = await workspace();
  await it.inside.removeFile(path);
  expect(readdirSync(it.root)).toEqual(['f']);
});

test.each(['f/', 'f/.'])('the file f is not deleted as %j', async (path) => {
  const it = await workspace();
  await expect(it.inside.removeFile(path)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(readdirSync(it.root)).toEqual(['d', 'f']);
});

test.each([
  ['f', 'd', 'd is a folder.'],
  ['f', 'f/x', 'f/x is not a folder, or leads through a file.'],
  ['d', 'd/in/x', 'd/in/x is not a folder, or leads through a file.'],
  ['d', 'd/x', 'The operating system does not allow this for d/x.'],
  ['d', 'f', 'f is not a folder, or leads through a file.'],
  ['e', 'd', 'd is a folder that is not empty.'],
])('a move of %s to %s is refused by the name that does not fit', async (from, to, publicMessage) => {
  const it = await workspace();
  mkdirSync(join(it.root, 'e'));
  await expect(it.anywhere.movePath(from, to)).rejects.toMatchObject({ code: 'invalid_request', publicMessage });
});

test.each(oddNames)('a file named %j is written, listed and read by this name', async (name) => {
  const it = await workspace();
  await it.inside.receiveFile(`n/${name}`, content(), undefined);
  await it.anywhere.writePath(`${it.root}/n/${name}`, content(), {});
  expect((await it.inside.listFiles('n')).map((entry) => entry.name)).toEqual([name]);
  expect(readdirSync(join(it.root, 'n'))).toEqual([name]);
  for (const [, read] of readers) {
    await using file = await read(it, `n/${name}`);
    expect(await text(Readable.from(file.chunks))).toMatch(/new$/);
  }
  await it.inside.removeFile(`n/${name}`);
});
