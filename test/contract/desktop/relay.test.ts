// @module-tag all
import { expect, type TestContext, test } from 'vitest';
import WebSocket from 'ws';
import { rfbClient } from '../../support/clients/rfb-client.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { shownDesktop } from '../../support/sandboxes/shown-desktop.ts';
import { listenToInput } from '../../support/sandboxes/xvnc.ts';

// The relay with a real Xvnc behind it. Some viewers behave better than real viewers, some worse.
const shown = shownDesktop(71);

async function session(context: TestContext) {
  const it = await shown.session(context);
  const facts = async () =>
    (await Array.fromAsync(shown.server.fake.sessions.history(it.id))).flatMap((event) =>
      event.type === 'desktop' ? [event.data.kind] : [],
    );
  return { ...it, facts };
}
const where = async () => (await shown.command('xdotool', 'getmouselocation')).split(' scr')[0];

test('a viewer sees the screen, and its clicks arrive there', async (context) => {
  const it = await session(context);
  using viewer = await rfbClient(it.url());
  expect([viewer.ws.protocol, viewer.size]).toEqual(['binary', { width: 640, height: 480 }]);
  await shown.paint('#c04010');
  await expect.poll(() => viewer.pixel(320, 240)).toBe(0xc04010);
  await shown.paint('#104080');
  await expect.poll(() => viewer.pixel(5, 470)).toBe(0x104080);
  viewer.click(123, 45);
  await expect.poll(where).toBe('x:123 y:45');
  expect(await it.facts()).toContain('control_taken');
  viewer.ws.close();
  await expect.poll(it.facts).toContain('control_returned');
});

test('F127 a view-only viewer sees everything and moves nothing', async (context) => {
  const it = await session(context);
  const link = async (right: string) =>
    (await shown.server.call('POST', `${it.path}/signed-url`, { right })).body.data.signed_url as string;
  await shown.command('xdotool', 'mousemove', '7', '7');
  const ways = [it.url('?view_only=1'), `${shown.server.url.replace('http', 'ws')}${await link('view')}`];
  for (const way of ways) {
    using viewer = await rfbClient(way);
    viewer.click(200, 200);
    viewer.key(0x61);
    await shown.paint('#208020');
    await expect.poll(() => viewer.pixel(100, 100)).toBe(0x208020);
    expect(await where()).toBe('x:7 y:7');
  }
  using hands = await rfbClient(`${shown.server.url.replace('http', 'ws')}${await link('control')}`);
  hands.click(201, 202);
  await expect.poll(where).toBe('x:201 y:202');
});

test('one person at a time has the keyboard and mouse, until a release or a takeover', async (context) => {
  const it = await session(context);
  using one = await rfbClient(it.url('?viewer=viewer-one&notices=1'));
  using two = await rfbClient(it.url('?viewer=viewer-two&notices=1'));
  await expect.poll(() => two.reports.at(-1)?.who).toBe('nobody');
  one.click(10, 10);
  await expect.poll(() => two.reports.at(-1)?.who).toBe('another');
  expect(one.reports.at(-1)?.who).toBe('you');
  two.click(20, 20);
  await two.pixel(0, 0);
  expect(await where()).toBe('x:10 y:10');

  const open = shown.server.others.services.desktop.gate(it.id, AbortSignal.timeout(60_000)).then(() => 'open');
  two.ws.send('{"type":"take"}');
  await expect.poll(() => two.reports.at(-1)?.who).toBe('you');
  two.click(30, 30);
  await expect.poll(where).toBe('x:30 y:30');
  one.click(40, 40);
  await one.pixel(0, 0);
  expect([await where(), await Promise.race([open, Promise.resolve('held')])]).toEqual(['x:30 y:30', 'held']);

  two.ws.send('{"type":"give"}');
  expect(await open).toBe('open');
  await expect.poll(() => one.reports.at(-1)?.who).toBe('nobody');
  expect(await it.facts()).toEqual(expect.arrayContaining(['control_taken', 'control_taken', 'control_returned']));
});

test('a takeover releases the keys and buttons that the previous viewer held down', async (context) => {
  const it = await session(context);
  using one = await rfbClient(it.url('?notices=1'));
  using two = await rfbClient(it.url('?notices=1'));
  using seen = await listenToInput(shown.desktop);
  one.send([5, 1, 0, 50, 0, 50]);
  one.send([4, 1, 0, 0, 0, 0, 0xff, 0xe1]); // presses Shift and never releases it
  await expect.poll(seen.text).toMatch(/RawButtonPress.*RawKeyPress/s);
  two.ws.send('{"type":"take"}');
  await expect.poll(() => one.reports.at(-1)?.who).toBe('another');
  await expect.poll(seen.text).toMatch(/RawKeyRelease/);
  await expect.poll(seen.text).toMatch(/RawButtonRelease/);
});

test('a viewer that sends anything but RFB is closed with the reason, and the others stay', async (context) => {
  const it = await session(context);
  using good = await rfbClient(it.url());
  const bad: [Buffer | string, number, RegExp][] = [
    [Buffer.alloc(2 * 2 ** 20 + 1), 1002, /2 MiB/],
    ['hello', 1003, /binary/],
  ];
  for (const [bytes, code, reason] of bad) {
    using viewer = await rfbClient(it.url());
    viewer.ws.send(bytes);
    expect(await viewer.closed).toEqual({ code, reason: expect.stringMatching(reason) });
  }
  using rude = await openWebSocket(it.url());
  rude.ws.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  expect(await rude.closed).toMatchObject({ code: 1002 });
  await shown.paint('#777777');
  await expect.poll(() => good.pixel(1, 1)).toBe(0x777777);
});

test('F127 unknown messages crash no display and give a view-only viewer no keyboard', async (context) => {
  const it = await session(context);
  await shown.command('xdotool', 'mousemove', '7', '7');
  for (const [query, ends] of [
    ['', 'x:201 y:202'],
    ['?view_only=1', 'x:7 y:7'],
  ] as const) {
    await shown.command('xdotool', 'mousemove', '7', '7');
    using viewer = await rfbClient(it.url(query));
    for (const odd of [
      [99, 1, 2, 3],
      [255, 7, 0, 0],
      [252, 0, 0, 4],
      [2, 0, 255, 255],
    ]) {
      viewer.send([...odd, 5, 1, 0, 50, 0, 50]); // the relay drops the rest of this chunk
    }
    viewer.click(201, 202);
    const colour = query === '' ? 0x2040a0 : 0xa04020;
    await shown.paint(`#${colour.toString(16)}`);
    await expect.poll(() => viewer.pixel(100, 100)).toBe(colour);
    await expect.poll(where).toBe(ends);
    expect(viewer.ws.readyState).toBe(viewer.ws.OPEN);
  }
});

test('a display that dies closes its viewers with a code to reconnect, and the log records it', async (context) => {
  const it = await session(context);
  using viewer = await rfbClient(it.url());
  await shown.desktop.crash();
  expect(await viewer.closed).toEqual({ code: 1012, reason: expect.stringContaining('connect again') });
  await expect.poll(it.facts).toContain('restarted');
  using again = await rfbClient(it.url());
  expect(await again.pixel(0, 0)).toBeTypeOf('number');
  expect(again.ws.readyState).toBe(WebSocket.OPEN);
});
