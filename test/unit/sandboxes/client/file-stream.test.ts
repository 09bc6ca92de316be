import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { facing, http, saying } from '../../../support/facing.ts';

const soon = () => AbortSignal.timeout(60_000);
const head = (length: number) => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;

test('a file is read while it arrives, with its size known before', async () => {
  const client = await saying(http('x'.repeat(200_000)));
  const { size, content } = await client.openFile('a', soon());
  expect(size).toBe(200_000);
  expect((await buffer(content)).toString()).toBe('x'.repeat(200_000));
});

test('an empty file is one too', async () => {
  const { size, content } = await (await saying(http(''))).openFile('a', soon());
  expect([size, await buffer(content)]).toEqual([0, Buffer.alloc(0)]);
});

test('a reader that takes nothing holds the sandbox up, and no more than its buffers are in memory', async () => {
  let sent = 0;
  const chunk = Buffer.alloc(64 * 1024);
  const client = await facing((socket) => {
    const pour = () => {
      for (let goesOn = true; goesOn && sent < 50 << 20; sent += chunk.length) goesOn = socket.write(chunk);
    };
    socket.on('drain', pour).once('data', () => void socket.write(head(50 << 20), pour));
  });
  const { content } = await client.openFile('a', soon());
  await expect.poll(() => content.readableLength).toBeGreaterThan(0);
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  expect(content.readableLength).toBeLessThan(1 << 20);
  expect(sent).toBeLessThan(30 << 20); // the rest waits for the buffers of the kernel
  content.destroy();
});

test('a file that is abandoned closes the connection to the sandbox', async () => {
  const closed = Promise.withResolvers<void>();
  const client = await facing((socket) => {
    socket.once('data', () => void socket.write(head(1_000)));
    socket.once('close', () => closed.resolve());
  });
  const { content } = await client.openFile('a', soon());
  content.destroy();
  await closed.promise;
});

test('F035 a file that breaks off is an error for its reader, never a shorter file', async () => {
  const client = await saying(`${head(1_000)}half`);
  const { content } = await client.openFile('a', soon());
  await expect(buffer(content)).rejects.toMatchObject({ code: 'sandbox_lost' });
});

test.each([
  ['is larger than any file that the daemon sends', head(50 * 2 ** 20 + 1)],
  ['has no length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'],
])('F035 a file that %s ends the trust in the sandbox', async (_, answer) => {
  const client = await facing((socket) => void socket.once('data', () => void socket.write(answer)));
  await expect(client.openFile('a', soon())).rejects.toMatchObject({ code: 'sandbox_untrusted' });
  expect(client.trust.broken.aborted).toBe(true);
});
