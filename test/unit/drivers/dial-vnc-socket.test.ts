import { once } from 'node:events';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dialVncSocket } from '../../../drivers/shared/link/dial-vnc-socket.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

let home: string;
let listening: Server[];

beforeEach(async () => {
  home = folderOfTest();
  listening = [];
  await mkdir(join(home, 'screen'));
});
afterEach(() => {
  for (const server of listening) server.close();
});

/** A display that sends these bytes to each viewer, each piece in a turn of its own. */
async function display(at: string, ...pieces: Buffer[]): Promise<void> {
  const server = createServer(async (socket) => {
    socket.on('error', () => {});
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise(setImmediate);
    }
    socket.end();
  }).listen(at);
  listening.push(server);
  await once(server, 'listening');
}
const name = () => join(home, 'screen', 'vnc');

test('a display in the folder is dialled, and its bytes arrive whole and in order', async () => {
  const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => n % 251));
  await display(name(), sent);
  const screen = await dialVncSocket(home);
  expect(Buffer.concat((await screen?.toArray()) ?? []).equals(sent)).toBe(true);
});

test('many small messages do not share the memory of later ones', async () => {
  await display(name(), ...Array.from({ length: 20 }, (_, n) => Buffer.alloc(10, n)));
  const got = Buffer.concat((await (await dialVncSocket(home))?.toArray()) ?? []);
  expect([...got]).toEqual(Array.from({ length: 200 }, (_, at) => Math.floor(at / 10)));
});

test('without a display, or with one that has died, there is nothing to dial', async () => {
  expect(await dialVncSocket(home)).toBeUndefined();
  await display(name(), Buffer.from('RFB'));
  const kept = join(home, 'kept');
  await rename(name(), kept); // closing a server removes the name that it was bound to
  await new Promise((resolve) => listening.pop()?.close(resolve));
  await rename(kept, name());
  expect(await dialVncSocket(home)).toBeUndefined();
});

test.each<[string, (other: string) => Promise<unknown>]>([
  ['a link in the place of the socket', (other) => symlink(join(other, 'vnc'), name())],
  ['a file in the place of the socket', () => writeFile(name(), 'no socket')],
  ['a folder in the place of the socket', () => mkdir(name())],
  [
    'a link in the place of the folder',
    async (other) => {
      await rm(join(home, 'screen'), { recursive: true });
      await symlink(other, join(home, 'screen'));
    },
  ],
])('%s is refused', async (_, put) => {
  const other = join(home, 'other');
  await mkdir(other);
  await display(join(other, 'vnc'), Buffer.from('secret'));
  await put(other);
  expect(await dialVncSocket(home)).toBeUndefined();
});
