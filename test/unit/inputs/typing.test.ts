import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RfbMessageKind } from '../../../src/http/transport/rfb.ts';
import { DisplayInputQueue } from '../../../src/http/transport/vnc-relay.ts';
import { forwardTyping, KeyComposition, toKeysym } from '../../../src/web/desktop/keys.ts';
import { pressedKeyOf } from '../../../src/web/parts/pressed-key.ts';

// Keys and texts of keyboards and input methods, for the fields of the page and for a desktop.

const key = (keysym: number, isDown = true) => {
  const bytes = Buffer.from([4, Number(isDown), 0, 0, 0, 0, 0, 0]);
  bytes.writeUInt32BE(keysym, 4);
  return { kind: (isDown ? 'press' : 'hands') as RfbMessageKind, bytes };
};
const withScancode = (keysym: number, scancode: number) => {
  const bytes = Buffer.from([255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, scancode]);
  bytes.writeUInt32BE(keysym, 4);
  return { kind: 'press' as const, bytes };
};
/** An input whose program accepts characters only when `accept` is called. */
function input() {
  const did: string[] = [];
  let accept = () => {};
  const ordered = new DisplayInputQueue({
    write: (bytes) => void did.push(`write ${bytes.toString('hex')}`),
    type(keysyms) {
      did.push(`type ${keysyms.map((keysym) => keysym.toString(16)).join(' ')}`);
      return new Promise((resolve) => {
        accept = resolve;
      });
    },
    onFull: (isFull) => void did.push(isFull ? 'full' : 'empty'),
  });
  return {
    ordered,
    did,
    async accept() {
      accept();
      await turn();
    },
  };
}

describe('keys for a desktop', () => {
  test.each([
    ['a', undefined],
    ['~', undefined],
    ['ö', 'f6'],
    ['ł', '1b3'], // X's Latin-2
    ['п', '6d0'], // X's Cyrillic
    ['α', '7e1'],
    ['א', 'ce0'],
    ['ع', '5d9'],
    ['€', '20ac'],
    ['п', '100043f'],
    ['日', '10065e5'],
    ['🤖', '101f916'],
    ['Return', undefined, 0xff0d],
    ['dead acute', undefined, 0xfe51],
    ['AltGr', undefined, 0xfe03],
    ['volume', undefined, 0x1008ff13],
  ])(
    '%s is typed by the daemon as %s',
    (character, typed, keysym = typed ? Number.parseInt(typed, 16) : character.charCodeAt(0)) => {
      const { ordered, did } = input();
      const press = key(keysym);
      ordered.take(press);
      ordered.take(key(keysym, false));
      expect(did[0]).toBe(typed ? `type ${typed}` : `write ${press.bytes.toString('hex')}`);
      expect(did).toHaveLength(typed ? 1 : 2);
    },
  );

  test('input waits for the characters before it, and characters that wait are typed together', async () => {
    const { ordered, did, accept } = input();
    for (const keysym of [0xf6, 0xe4, 0xfc, 0x61, 0xdf]) ordered.take(key(keysym));
    expect(did).toEqual(['type f6']);
    await accept();
    await accept();
    expect(did).toEqual(['type f6', 'type e4 fc', 'write 0401000000000061', 'type df']);
    await accept();
    expect(did.at(-1)).toBe('empty');
  });

  test('a change of control drops what waits, and releases the keys that are held', async () => {
    const { ordered, did, accept } = input();
    ordered.take(key(0xffe1));
    for (const keysym of [0xf6, 0xe4]) ordered.take(key(keysym));
    ordered.release();
    await accept();
    expect(did).toEqual(['write 040100000000ffe1', 'type f6', 'write 040000000000ffe1', 'empty']);
  });

  test('a viewer that sends more than the program accepts is not read', () => {
    const { ordered, did } = input();
    for (let left = 2_001; left > 0; left--) ordered.take(key(0xf6));
    expect(did).toEqual(['type f6', 'full']);
  });

  test.each([
    ['Ctrl+С', 0xffe3, 0x6d3, 0x2e, 'c'],
    ['Ctrl+ω', 0xffe4, 0x7f9, 0x2f, 'v'],
    ['Alt+ל', 0xffe9, 0xcec, 0x25, 'k'],
    ['Super+ö', 0xffeb, 0xf6, 0x27, ';'],
  ])('%s on the desktop means the Latin letter of its key', (_name, modifier, keysym, scancode, letter) => {
    const { ordered, did } = input();
    ordered.take(key(modifier));
    ordered.take(withScancode(keysym, scancode));
    expect(did.at(-1)).toContain(`write ff000001000000${letter.charCodeAt(0).toString(16)}`);
  });

  test('a phone’s text becomes keysyms', () => {
    const keysyms = [...'aö€日🤖\n\t'].map((character) => toKeysym(character).toString(16));
    expect(keysyms).toEqual(['61', 'f6', '10020ac', '10065e5', '101f916', 'ff0d', 'ff09']);
  });
});

test.each([
  ['Enter', { isComposing: false, keyCode: 13 }, 'Enter'],
  ['Enter, in the order of Chrome and Firefox', { isComposing: true, keyCode: 229 }, ''],
  ['Enter, in the order of Safari', { isComposing: false, keyCode: 229 }, ''],
  ['Enter, in an old Firefox', { isComposing: true, keyCode: 13 }, ''],
  ['Escape, which closes a list of candidates', { isComposing: true, keyCode: 27 }, ''],
  ['ArrowDown', { isComposing: false, keyCode: 40 }, 'ArrowDown'],
])('a field gets %s as it is meant', (name, how, pressed) =>
  expect(pressedKeyOf({ key: name.split(',')[0] as string, ...how })).toBe(pressed),
);

/** Returns the keysyms that a phone's text field sends when input of this kind leaves `value` in it. */
function sentBy(inputType: string, value: string, isComposing = false): string[] {
  const field = Object.assign(new EventTarget(), { value: '', setSelectionRange() {} });
  const sent: string[] = [];
  forwardTyping(field as never, (keysym) => void sent.push(keysym.toString(16)));
  field.value += value;
  field.dispatchEvent(Object.assign(new Event('input'), { inputType, isComposing }));
  return sent;
}
test.each([
  ['insertText', 'ö', ['f6']],
  ['insertText', '👨\u200d👩', ['101f468', '100200d', '101f469']],
  ['insertReplacementText', 'שלום', ['10005e9', '10005dc', '10005d5', '10005dd']],
  ['insertFromPaste', 'a\r\nb', ['61', 'ff0d', '62']],
  ['insertLineBreak', '\n', ['ff0d']],
  ['deleteContentBackward', '', ['ff08']],
  ['deleteWordBackward', '', ['ff08']],
  ['deleteSoftLineBackward', '', ['ff08']],
])('a phone sends %s of %j to the desktop as keysyms', (inputType, value, keysyms) =>
  expect(sentBy(inputType, value)).toEqual(keysyms),
);

test('a phone sends no text that is still composed', () => {
  expect(sentBy('insertCompositionText', 'にほ', true)).toEqual([]);
});

/**
 * The events of a screen in the order of the browser: `<key` is a keydown, `>key` a keyup, others a keypress. Returns what
 * noVNC gets (in brackets) and what the page sends.
 */
function onScreen(events: string, held: { ctrlKey?: boolean; altKey?: boolean } = {}): string {
  const composition = new KeyComposition();
  const modifiers = { ctrlKey: false, altKey: false, metaKey: false, ...held };
  return events
    .split(' ')
    .map((word) => {
      const key = word.replace(/^[<>](?=.)/, '').replace('␣', ' ');
      if (word.startsWith('<') && word !== '<') return composition.takes({ key, ...modifiers }) ? '' : `[${key}]`;
      return composition.textOf({ type: word.startsWith('>') && word !== '>' ? 'keyup' : 'keypress', key });
    })
    .join('');
}
test.each([
  ['no composition', '<e e >e', '[e]'],
  ['´ e, in Chromium on Linux', '<Dead <e é >e', 'é'],
  ['´ e, where the key is composed', '<Dead >Dead <é é >é', 'é'],
  ['´ e, without a keypress', '<Dead >Dead <é >é', 'é'],
  ['´ twice', '<Dead <Dead ´ >Dead', '´'],
  ['^ and a space', '<Dead <␣ ^ >␣', '^'],
  ['´ x, which have no common form', '<Dead <x ´ x >x <y y', '´x[y]'],
  ['Shift between', '<Dead <Shift <E É >E >Shift', '[Shift]É'],
  ['Compose e e', '<Compose <e >e <e ə >e <a a', 'ə[a]'],
  ['a composition that Escape ends', '<Dead <Escape >Escape <e e', '[Escape][e]'],
  ['a composition that an arrow ends', '<Compose <ArrowLeft <e e', '[ArrowLeft][e]'],
])('a screen gets %s', (_name, events, got) => expect(onScreen(events)).toBe(got));

test('a shortcut after a dead key stays a shortcut', () => {
  expect(onScreen('<Dead <c', { ctrlKey: true })).toBe('[c]');
});
