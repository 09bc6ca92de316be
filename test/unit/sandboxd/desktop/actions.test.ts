import { describe, expect, test } from 'vitest';
import { parseScreenAction } from '../../../../sandbox-images/sandboxd/desktop/action-fields.ts';
import { findKeysym, parseKeysyms } from '../../../../sandbox-images/sandboxd/desktop/keysyms.ts';
import { encodePng } from '../../../../sandbox-images/sandboxd/desktop/screen.ts';
import { readPng } from '../../../support/png.ts';

describe('the names of keys', () => {
  test.each([
    ['Return', [0xff0d]],
    ['ctrl+l', [0xffe3, 0x6c]],
    ['ctrl++', [0xffe3, 0x2b]],
    ['+', [0x2b]],
    ['Control_L+Shift_L+F12', [0xffe3, 0xffe1, 0xffc9]],
    ['alt+plus', [0xffe9, 0x2b]],
    ['Page_Down', [0xff56]],
    ['KP_7', [0xffb7]],
    ['ö', [0xf6]],
    ['U20AC', [0x010020ac]],
    ['你', [0x01004f60]],
  ])('%s', (keys, keysyms) => expect(parseKeysyms(keys)).toEqual(keysyms));

  test.each(['', 'ctrl+', 'nokey', 'ctrl+nokey', 'F99', 'constructor'])('%j is none', (keys) =>
    expect(parseKeysyms(keys)).toBeUndefined(),
  );

  test('a line ends with Return, and what no key writes has none', () =>
    expect(['\n', '\t', '\x07', '\ud800'].map(findKeysym)).toEqual([0xff0d, 0xff09, undefined, undefined]));
});

describe('an action', () => {
  const screen = { width: 100, height: 50 };
  test.each([
    { kind: 'move', x: 99, y: 49 },
    { kind: 'click', button: 'left', count: 3 },
    { kind: 'drag', path: [0, 9].map((at) => ({ x: at, y: at })) },
    { kind: 'scroll', x: 0, y: 0, dx: -1, dy: 100 },
    { kind: 'type', text: '' },
    { kind: 'key', keys: 'a', holdMs: 0 },
  ])('passes: $kind', (action) => expect(parseScreenAction(action, screen)).toBe(action));

  test.each([
    [null, 'kind'],
    [{ kind: 'toString' }, 'kind'],
    [{ kind: 'move', x: 100, y: 0 }, '100 by 50'],
    [{ kind: 'move', x: 0.5, y: 0 }, 'x of move'],
    [{ kind: 'move', x: 1 }, 'y of move'],
    [{ kind: 'click', x: 1, button: 'left', count: 1 }, 'neither'],
    [{ kind: 'click', button: 'fourth', count: 1 }, 'button'],
    [{ kind: 'click', button: 'left', count: 4 }, 'count'],
    [{ kind: 'drag', path: [{ x: 0, y: 0 }] }, 'path'],
    [{ kind: 'scroll', x: 0, y: 0, dx: 0, dy: 101 }, 'dy'],
    [{ kind: 'type', text: 'x'.repeat(10_001) }, 'text'],
    [{ kind: 'key', keys: 'ctrl+', holdMs: 1 }, 'keys'],
    [{ kind: 'key', keys: 'a', holdMs: 30_001 }, 'holdMs'],
    [{ kind: 'press', button: 'left', x: 1 }, 'no field x'],
  ])('is refused with what is wrong: %j', (action, text) =>
    expect(() => parseScreenAction(action, screen)).toThrow(text),
  );
});

test('a screen becomes a PNG with the same pixels', async () => {
  const pixels = Buffer.from([0x56, 0xab, 0x12, 0, 1, 2, 3, 0, 0, 0, 0, 0, 255, 255, 255, 0]); // BGRX
  const picture = readPng(await encodePng(pixels, 2, 2));
  expect([picture.at(0, 0), picture.at(1, 0), picture.at(1, 1)]).toEqual([
    [0x12, 0xab, 0x56],
    [3, 2, 1],
    [255, 255, 255],
  ]);
});
