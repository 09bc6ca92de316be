// @module-tag all
import { Duplex } from 'node:stream';
import { expect, type TestContext, test } from 'vitest';
import { rfbClient } from '../../support/clients/rfb-client.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { shownDesktop } from '../../support/sandboxes/shown-desktop.ts';

// Many viewers, and hostile and slow ones.
const shown = shownDesktop(73);

async function session(context: TestContext) {
  const it = await shown.session(context);
  await shown.desktop.client.start(AbortSignal.timeout(60_000));
  return it;
}

test('F127 the first 16 of 100 viewers are served and the others get the reason; a disconnect frees a place', async (context) => {
  const it = await session(context);
  const all = await Promise.all(Array.from({ length: 100 }, () => openWebSocket(it.url())));
  const refused = await Promise.all(
    all.map(async ({ ws, closed, frames }) => {
      await expect.poll(() => frames.length > 0 || ws.readyState === ws.CLOSED).toBe(true);
      return ws.readyState === ws.CLOSED ? await closed : undefined;
    }),
  );
  const turnedAway = refused.filter((one) => one !== undefined);
  expect([turnedAway.length, new Set(turnedAway.map(({ code }) => code))]).toEqual([84, new Set([1013])]);
  expect(turnedAway[0]?.reason).toContain('16 viewers');
  expect((await shown.server.others.services.desktop.status(it.id)).viewers).toBe(16);
  for (const one of all) one.ws.close();
  await expect.poll(() => shown.desktop.streams.size).toBe(0);
  using next = await rfbClient(it.url());
  expect(await next.pixel(0, 0)).toBeTypeOf('number');
});

test('F127 a viewer gets the new size when the screen changes', async (context) => {
  const it = await session(context);
  using viewer = await rfbClient(it.url('?view_only=1'));
  viewer.send([2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21]); // raw encoding, and support for new desktop sizes
  await viewer.pixel(0, 0);
  await shown.command('xrandr', '--output', 'VNC-0', '--mode', '800x600');
  using after = await rfbClient(it.url());
  expect(after.size).toEqual({ width: 800, height: 600 });
  expect(viewer.ws.readyState).toBe(viewer.ws.OPEN);
  await shown.command('xrandr', '--output', 'VNC-0', '--mode', '640x480');
});

test('F090 a viewer that stops reading delays no other, and little data waits for it', async (context) => {
  const it = await session(context);
  const provided = [0, 0];
  const flood = (n: number) =>
    new Duplex({
      read() {
        provided[n] = (provided[n] as number) + 65_536;
        this.push(Buffer.alloc(65_536));
      },
      write: (_chunk, _encoding, done) => done(),
    });
  let next = 0;
  const vnc = async () => flood(next++);
  shown.server.others.desktop.client = { ...shown.desktop.client, vnc };
  try {
    using slow = await openWebSocket(it.url());
    slow.ws.pause();
    using good = await openWebSocket(it.url());
    await expect.poll(() => provided[1]).toBeGreaterThan(100 * 2 ** 20);
    good.ws.pause();
    expect(provided[0]).toBeLessThan(16 * 2 ** 20); // the buffers of two kernels and of the server
    expect(slow.ws.readyState).toBe(slow.ws.OPEN);
  } finally {
    shown.server.others.desktop.client = shown.desktop.client;
  }
});

test('the relay stops reading from a viewer that sends more than the screen accepts', async (context) => {
  const it = await session(context);
  let received = 0;
  const stuck = () =>
    new Duplex({
      read() {},
      write: (chunk: Buffer) => {
        received += chunk.length; // the stream never ends
      },
    });
  shown.server.others.desktop.client = { ...shown.desktop.client, vnc: async () => stuck() };
  try {
    using viewer = await openWebSocket(it.url());
    await expect.poll(async () => (await shown.server.others.services.desktop.status(it.id)).viewers).toBe(1);
    const hello = Buffer.from('RFB 003.008\n\x01\x01');
    const asks = Buffer.concat(Array.from({ length: 6_000 }, () => Buffer.from([3, 0, 0, 0, 0, 0, 2, 128, 1, 224])));
    viewer.ws.send(hello);
    for (let n = 0; n < 400; n++) viewer.ws.send(asks); // 24 MB
    await expect.poll(() => viewer.ws.bufferedAmount).toBeGreaterThan(8 * 2 ** 20);
    expect(received).toBeLessThan(2 ** 20);
  } finally {
    shown.server.others.desktop.client = shown.desktop.client;
  }
});

test('the agent gets the keyboard and mouse back when the controlling viewer is cut off', async (context) => {
  const it = await session(context);
  using viewer = await rfbClient(it.url('?viewer=gone-viewer'));
  viewer.click(3, 3);
  await expect
    .poll(async () => (await shown.server.others.services.desktop.status(it.id)).controller)
    .toBe('gone-viewer');
  viewer.ws.terminate();
  await expect.poll(async () => (await shown.server.others.services.desktop.status(it.id)).controller).toBeNull();
});
