import { clientMessageEventType, encodeUint16, encodeUint32, encodeX11Request, type X11Connection } from './x11.ts';

const substructureNotify = 0x80000;

/** False if the focused program does not support pings or does not answer in time. */
export async function waitUntilInputHandled(display: X11Connection, patienceMs: number): Promise<boolean> {
  const { root } = display.screen;
  const [active, protocols, ping] = (await Promise.all(
    ['_NET_ACTIVE_WINDOW', 'WM_PROTOCOLS', '_NET_WM_PING'].map((name) => display.atom(name)),
  )) as [number, number, number];
  const [window = 0] = await values(display, root, active);
  if (window === 0 || !(await values(display, window, protocols)).includes(ping)) return false;

  // the answer is sent to the root window
  display.send(encodeX11Request(2, 0, Buffer.concat([encodeUint32(root, 0x800, substructureNotify)])));
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const time = Math.floor(Math.random() * 2 ** 31);
  const stop = display.onMessage((event) => {
    if (event.readUInt32LE(8) === protocols && event.readUInt32LE(12) === ping && event.readUInt32LE(16) === time) {
      resolve(true);
    }
  });
  const timer = setTimeout(resolve, patienceMs, false);
  const message = [
    Buffer.from([clientMessageEventType, 32]),
    encodeUint16(0),
    encodeUint32(window, protocols, ping, time, window, 0, 0),
  ];
  display.send(encodeX11Request(25, 0, Buffer.concat([encodeUint32(window, 0), ...message])));
  const answered = await promise;
  clearTimeout(timer);
  stop();
  return answered;
}

async function values(display: X11Connection, window: number, property: number): Promise<number[]> {
  const answer = await display
    .ask(encodeX11Request(20, 0, encodeUint32(window, property, 0, 0, 64)))
    .catch(() => undefined);
  if (answer?.[1] !== 32) return [];
  return Array.from({ length: answer.readUInt32LE(16) }, (_, at) => answer.readUInt32LE(32 + 4 * at));
}
