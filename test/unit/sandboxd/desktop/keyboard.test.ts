import { expect, test } from 'vitest';
import { openKeyboard } from '../../../../sandbox-images/sandboxd/desktop/keyboard.ts';
import {
  clientMessageEventType,
  encodeUint16,
  encodeUint32,
  type X11Connection,
} from '../../../../sandbox-images/sandboxd/desktop/x11.ts';

const [root, window] = [1, 2];
const atoms: Record<string, number> = { _NET_ACTIVE_WINDOW: 10, WM_PROTOCOLS: 11, _NET_WM_PING: 12 };
const [changeKeyboardMapping, sendEvent] = [100, 25];

/** A display without any named key, whose program answers pings or not. It records new meanings of keys and pings. */
function fakeDisplay({ answersPings }: { answersPings: boolean }) {
  const did: string[] = [];
  const meanings = new Array<number>(100).fill(0);
  const hearing = new Set<(event: Buffer) => void>();
  const property = (of: number): number[] => {
    if (of === atoms._NET_ACTIVE_WINDOW) return [window];
    return answersPings ? [atoms._NET_WM_PING as number] : [];
  };
  const display: X11Connection = {
    screen: { root, width: 1, height: 1, minKeycode: 8, maxKeycode: 107 },
    async ask(request) {
      if (request[0] !== 20) return Buffer.concat([Buffer.from([1, 1]), Buffer.alloc(30), encodeUint32(...meanings)]);
      const values = property(request.readUInt32LE(8));
      const head = Buffer.alloc(32);
      head[1] = 32;
      head.writeUInt32LE(values.length, 16);
      return Buffer.concat([head, encodeUint32(...values)]);
    },
    send(request) {
      if (request[0] === changeKeyboardMapping) {
        meanings[request.readUInt8(4) - 8] = request.readUInt32LE(8);
        if (did.at(-1) !== 'key') did.push('key');
      }
      if (request[0] !== sendEvent || request[12] !== clientMessageEventType) return;
      did.push('ping');
      const event = Buffer.concat([Buffer.from([clientMessageEventType, 32]), encodeUint16(0), request.subarray(16)]);
      setImmediate(() => {
        for (const hear of hearing) hear(event);
      });
    },
    extension: async () => undefined,
    atom: async (name) => atoms[name] ?? 0,
    onMessage(hear) {
      hearing.add(hear);
      return () => void hearing.delete(hear);
    },
    [Symbol.dispose]() {},
  };
  return { display, did };
}
/** Types these characters one action after the other, and reports what the display saw. */
async function typed(actions: readonly (readonly number[])[], { answersPings }: { answersPings: boolean }) {
  const { display, did } = fakeDisplay({ answersPings });
  for (const keysyms of actions) {
    const { keysFor } = await openKeyboard(display, async (ms) => void did.push(`pause ${ms}`));
    for await (const keys of keysFor(keysyms)) did.push(`press ${keys.length}`);
  }
  return did;
}
const from = (first: number, count: number) => Array.from({ length: count }, (_, at) => first + at);

test('keys with a new meaning are pressed after the program answered twice, and get another one after a third answer', async () =>
  expect(await typed([from(0x01004e00, 120)], { answersPings: true })).toEqual([
    ...['key', 'ping', 'ping', 'press 96'],
    ...['ping', 'key', 'ping', 'ping', 'press 24'],
  ]));

test('a key keeps its meaning for the next action, and the one that was unused for the longest time gets a new one', async () => {
  const [a, b, c, many] = [[0x1004e00], [0x1004e01], [0x1004e02], from(0x01005000, 94)];
  expect(await typed([a, b, a, many, c, a, b], { answersPings: true })).toEqual([
    ...['key', 'ping', 'ping', 'press 1', 'key', 'ping', 'ping', 'press 1', 'press 1'],
    ...['key', 'ping', 'ping', 'press 94'],
    ...['ping', 'key', 'ping', 'ping', 'press 1', 'press 1'],
    ...['ping', 'key', 'ping', 'ping', 'press 1'],
  ]);
});

test('a program that answers no pings gets one pause before the presses', async () =>
  expect(await typed([from(0x01004e00, 2)], { answersPings: false })).toEqual(['key', 'pause 150', 'press 2']));
