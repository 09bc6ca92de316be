import { expect, test } from 'vitest';
import {
  advanceItemWindow,
  emptyItemWindow,
  type ItemWindow,
  splitIntoItemBatches,
} from '../../../../src/web/data/item-window.ts';
import type { ConversationItem } from '../../../../src/web/data/items.ts';

const itemAt = (seq: number): ConversationItem => ({ kind: 'error', seq, at: 0, text: '' });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => itemAt(from + at));
const drawn = (window: ItemWindow) => splitIntoItemBatches(window).flatMap(({ items }) => items.map(({ seq }) => seq));
const keyOf = (window: ItemWindow, seq: number) =>
  splitIntoItemBatches(window).find(({ items }) => items.some((item) => item.seq === seq))?.key;
const steps = (window: ItemWindow, items: readonly ConversationItem[], times: number) => {
  let now = window;
  for (let n = 0; n < times; n++) now = advanceItemWindow(now, items);
  return now;
};

test('the end is drawn first, then one part more above it each time, up to the first item', () => {
  const items = range(1, 65);
  const first = advanceItemWindow(emptyItemWindow, items);
  expect([drawn(first), drawn(advanceItemWindow(first, items))[0]]).toEqual([range(41, 65).map(({ seq }) => seq), 21]);
  expect(drawn(steps(first, items, 5))).toEqual(items.map(({ seq }) => seq));
});

test('a few new items are drawn next to what is there; of many, the end first', () => {
  const items = range(1, 30);
  const whole = steps(emptyItemWindow, items, 3);
  expect(drawn(advanceItemWindow(whole, [...items, ...range(31, 35)]))).toHaveLength(35);
  expect(drawn(advanceItemWindow(whole, [...items, ...range(31, 90)]))[0]).toBe(61);
});

test('items that are put before the others leave what is drawn in its parts', () => {
  const end = range(700, 745);
  const before = steps(emptyItemWindow, end, 3);
  const whole = range(1, 745);
  const after = advanceItemWindow(before, whole);
  for (const seq of [700, 719, 720, 745]) expect(keyOf(after, seq)).toBe(keyOf(before, seq));
  expect(drawn(after)).toEqual(range(680, 745).map(({ seq }) => seq));
  const all = steps(after, whole, 40);
  expect(drawn(all)).toEqual(whole.map(({ seq }) => seq));
  expect(new Set(splitIntoItemBatches(all).map(({ key }) => key)).size).toBe(splitIntoItemBatches(all).length);
});

test('a shorter list begins again at its end', () => {
  const whole = steps(emptyItemWindow, range(1, 100), 9);
  expect([drawn(advanceItemWindow(whole, range(1, 50)))[0], drawn(advanceItemWindow(whole, []))]).toEqual([21, []]);
});
