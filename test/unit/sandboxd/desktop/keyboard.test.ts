import { expect, test } from 'vitest';
import { keyboard } from '../../../../sandbox-images/sandboxd/desktop/keyboard.ts';
import { clientMessage, u16, u32, type XConnection } from '../../../../sandbox-images/sandboxd/desktop/x11.ts';

const [root, window] = [1, 2];
const atoms: Record<string, number> = { _NET_ACTIVE_WINDOW: 10, WM_PROTOCOLS: 11, _NET_WM_PING: 12 };
const [changeKeyboardMapping, sendEvent] = [100, 25];

/** A display without any named key, whose program answers pings or not. It records new meanings of keys and pings. */
function fakeDisplay({ answersPings }: { answersPings: boolean }) {
  const did: string[] = [];
  const hearing = new Set<(event: Buffer) => void>();
  const property = (of: number): number[] => {
    if (of === atoms._NET_ACTIVE_WINDOW) return [window];
    return answersPings ? [atoms._NET_WM_PING as number] : [];
  };
  const display: XConnection = {
    screen: { root, width: 1, height: 1, minKeycode: 8, maxKeycode: 107 },
    async ask(request) {
      if (request[0] !== 20) return Buffer.concat([Buffer.from([1, 1]), Buffer.alloc(30 + 4 * 100)]);
      const values = property(request.readUInt32LE(8));
      const head = Buffer.alloc(32);
      head[1] = 32;
      head.writeUInt32LE(values.length, 16);
      return Buffer.concat([head, u32(...values)]);
    },
    send(request) {
      if (request[0] === changeKeyboardMapping && did.at(-1) !== 'key') did.push('key');
      if (request[0] !== sendEvent || request[12] !== clientMessage) return;
      did.push('ping');
      const event = Buffer.concat([Buffer.from([clientMessage, 32]), u16(0), request.subarray(16)]);
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
async function typed(characters: number, { answersPings }: { answersPings: boolean }) {
  const { display, did } = fakeDisplay({ answersPings });
  const { keysFor } = await keyboard(display, async (ms) => void did.push(`pause ${ms}`));
  const keysyms = Array.from({ length: characters }, (_, at) => 0x01004e00 + at);
  for await (const keys of keysFor(keysyms)) did.push(`press ${keys.length}`);
  return did;
}

test('keys with a new meaning are pressed after the program answered twice, and get another one after a third answer', async () => {
  const portion = ['key', 'ping', 'ping', 'press 24', 'ping'];
  expect(await typed(30, { answersPings: true })).toEqual([
    ...portion,
    ...['key', 'ping', 'ping', 'press 6', 'ping', 'key'],
  ]);
});

test('a program that answers no pings gets one pause before and one after the presses', async () => {
  expect(await typed(2, { answersPings: false })).toEqual(['key', 'pause 150', 'press 2', 'pause 150', 'key']);
});
