// @module-tag all
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { openedSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget, codesOf } from './sandboxd.ts';

async function opened() {
  const { client } = await openedSandboxd();
  const shell = async (command: string) => (await client.exec({ command }, budget())).stdout;
  return { client, shell };
}
async function* once(...pieces: readonly (string | Buffer)[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}
const write = (client: SandboxClient, path: string, text: string, replaces?: string) =>
  client.transfers.write(path, once(text), replaces === undefined ? {} : { replaces }, budget());

async function read(client: SandboxClient, path: string, part = {}) {
  const { size, content } = await client.transfers.open(path, part, budget());
  const bytes = Buffer.concat(await content.toArray());
  expect(bytes.length).toBe(size);
  const end = bytes.indexOf(10);
  const [whole, version] = bytes.subarray(0, end).toString().split(' ');
  return { whole: Number(whole), version, content: bytes.subarray(end + 1).toString() };
}

test('a file of 60 MB goes in and out unchanged', async () => {
  const { client, shell } = await opened();
  expect(await client.transfers.areSupported(budget())).toBe(true);
  const block = Buffer.alloc(1_000_000, 'abcdefg');
  const written = await client.transfers.write('a/b.bin', once(...Array(60).fill(block)), {}, budget());
  expect(written.size).toBe(60_000_000);
  const { content } = await client.transfers.open('a/b.bin', {}, budget());
  const bytes = Buffer.concat(await content.toArray());
  const heading = `60000000 ${written.version}\n`;
  expect(bytes.subarray(0, heading.length).toString()).toBe(heading);
  const [hash] = (await shell('sha256sum a/b.bin')).split(' ');
  expect(createHash('sha256').update(bytes.subarray(heading.length)).digest('hex')).toBe(hash);
});

test('a part of a file is read, and its version is the one that `stat` shows', async () => {
  const { client, shell } = await opened();
  const { version } = await write(client, 'ten', '0123456789');
  expect((await shell("stat -c '%s-%.9Y' ten")).trim()).toBe(version);
  const whole = { whole: 10, version };
  expect(await read(client, 'ten')).toEqual({ ...whole, content: '0123456789' });
  expect(await read(client, 'ten', { from: 3, most: 4 })).toEqual({ ...whole, content: '3456' });
  expect(await read(client, 'ten', { from: 99 })).toEqual({ ...whole, content: '' });
});

test('a file is replaced whole and keeps its mode and the links to it, and only the version that is named', async () => {
  const { client, shell } = await opened();
  const first = await write(client, 'tool', 'one', 'none');
  await shell('chmod 751 tool; ln -s tool link');
  const second = await write(client, 'link', 'two!', first.version);
  expect(await shell('stat -c %a tool; readlink link; cat tool')).toBe('751\ntool\ntwo!');
  expect(await codesOf([write(client, 'tool', 'late', first.version), write(client, 'tool', 'late', 'none')])).toEqual([
    'file_changed',
    'file_changed',
  ]);
  expect(await read(client, 'tool')).toEqual({ whole: 4, version: second.version, content: 'two!' });
  expect(await shell('ls -A | wc -l')).toBe('2\n');
});

test('of many writers that name the same version exactly one replaces the file, whatever the clock says', async () => {
  const { client, shell } = await opened();
  let { version } = await write(client, 'shared', 'first', 'none');
  for (let round = 0; round < 8; round++) {
    const writers = Array.from({ length: 12 }, (_, at) => write(client, 'shared', `${at}`.padEnd(5), version));
    const ends = await Promise.allSettled(writers);
    const won = ends.flatMap((end, at) => (end.status === 'fulfilled' ? [{ at, version: end.value.version }] : []));
    expect(won).toHaveLength(1);
    expect((await read(client, 'shared')).content.trim()).toBe(`${won[0]?.at}`);
    expect(won[0]?.version).not.toBe(version);
    version = won[0]?.version ?? '';
  }
  const makers = await Promise.allSettled(Array.from({ length: 12 }, () => write(client, 'new', 'mine', 'none')));
  expect(makers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await shell('ls -A')).toBe('new\nshared\n');
});

test('a version is another one also when the file was written in the same tick of the clock', async () => {
  const { client, shell } = await opened();
  const { version } = await write(client, 'a', 'one');
  await shell('touch -d @2000000000.5 a');
  await write(client, 'a', 'two'); // an mtime that a user set far in the future does not keep the file
  expect((await shell('stat -c %Y a')).trim()).not.toBe('2000000000');
  const ahead = (await shell("touch -d 'now + 0.5 sec' a; stat -c '%s-%.9Y' a")).trim();
  const next = await write(client, 'a', 'six', ahead);
  expect(new Set([version, ahead, next.version]).size).toBe(3);
  expect(Number(next.version.slice(2))).toBeGreaterThan(Number(ahead.slice(2)));
});

test('other places than files of the workspace are refused', async () => {
  const { client, shell } = await opened();
  await shell('mkdir folder; mkfifo pipe; ln -s /etc/hostname out; ln -s /tmp outside');
  const [none, bad, out] = ['file_not_found', 'invalid_request', 'path_outside'];
  const opens = ['none', 'folder', 'pipe', '../x', 'out'].map((path) => client.transfers.open(path, {}, budget()));
  expect(await codesOf(opens)).toEqual([none, bad, bad, out, out]);
  const writes = ['../x', 'out', 'outside/x', 'folder', 'pipe'].map((path) => write(client, path, ''));
  expect(await codesOf(writes)).toEqual([out, out, out, bad, bad]);
});
