import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { createDirectSocket } from '../../../sandbox-images/sandboxd/server/direct-socket.ts';
import { acceptUpgrade } from '../../../sandbox-images/sandboxd/server/http-upgrade.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const mebibyte = 2 ** 20;

/** A screen behind a real socket, and the line that gets its bytes: it accepts one piece, and more only after `open`. */
async function line() {
  const stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(temporaryFolder());
  const path = join(folder, 'vnc');
  const server = createServer().listen(path);
  stack.defer(() => void server.close());
  await once(server, 'listening');
  const viewer = createDirectSocket();
  viewer.connect(path);
  const [screen] = (await once(server, 'connection')) as [Socket];
  stack.defer(() => void screen.destroy());
  stack.defer(() => void viewer.destroy());
  let [isOpen, taken, pieces] = [false, 0, 0];
  const hash = createHash('sha256');
  let done: (() => void) | undefined;
  const to = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, next) {
      if (chunk.includes('HTTP/1.1 101')) return next();
      pieces++;
      taken += chunk.length;
      hash.update(chunk);
      done = next;
      if (isOpen) setImmediate(next);
    },
  });
  return {
    viewer,
    screen,
    to,
    taken: () => taken,
    pieces: () => pieces,
    digest: () => hash.digest('hex'),
    open() {
      isOpen = true;
      done?.();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('bytes that arrive before the join come first', async () => {
  await using it = await line();
  it.open();
  it.screen.write('RFB 003.008\n');
  await expect.poll(() => it.viewer.bytesRead).toBe(12);
  acceptUpgrade(it.to, it.viewer, () => {});
  it.screen.write('more');
  await expect.poll(it.taken).toBe(16);
  expect(it.digest()).toBe(createHash('sha256').update('RFB 003.008\nmore').digest('hex'));
});

test('a viewer that does not read gets about a megabyte, whatever the number and size of the chunks', async () => {
  for (const size of [64 * 1024, 20]) {
    await using it = await line();
    acceptUpgrade(it.to, it.viewer, () => {});
    for (let n = 0; n < 500; n++) {
      it.screen.write(Buffer.alloc(size, n));
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(it.pieces).toBe(1);
    expect(it.to.writableLength).toBeLessThanOrEqual(mebibyte);
    expect(it.viewer.bytesRead).toBeLessThanOrEqual(mebibyte + 256 * 1024);
    it.open();
    await expect.poll(it.taken).toBe(500 * size);
  }
});

test('every byte arrives, in order, while buffers are used again and again', async () => {
  await using it = await line();
  it.open();
  acceptUpgrade(it.to, it.viewer, () => {});
  const all = createHash('sha256');
  for (let n = 0; n < 40; n++) {
    const part = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * (n + 7)) % 251));
    const many = Buffer.concat(Array.from({ length: 64 }, () => part));
    all.update(many);
    if (!it.screen.write(many)) await once(it.screen, 'drain');
  }
  await expect.poll(it.taken).toBe(40 * 64 * 4096);
  expect(it.digest()).toBe(all.digest('hex'));
});

test('both ends go together, whichever goes first', async () => {
  for (const first of ['screen', 'to'] as const) {
    await using it = await line();
    it.open();
    acceptUpgrade(it.to, it.viewer, () => {});
    it[first].destroy();
    await expect.poll(() => [it.viewer.destroyed, it.to.destroyed]).toEqual([true, true]);
  }
});

test('a side that speaks is distinguished from one that drops the connection', async () => {
  await using speaks = await line();
  speaks.screen.write('RFB 003.008\n');
  expect(await speaks.viewer.spoken).toBe(true);
  await using drops = await line();
  drops.screen.destroy();
  expect(await drops.viewer.spoken).toBe(false);
});
