import { beforeEach, expect, test } from 'vitest';
import {
  selectedSessionIds,
  selectRange,
  stopSelecting,
  toggleSelection,
} from '../../../../src/web/sessions/choosing.ts';

const order = ['a', 'b', 'c', 'd', 'e'];
const ids = () => [...selectedSessionIds.value].sort().join('');
beforeEach(stopSelecting);

test('a range reaches from the last session that was chosen alone, in both directions, and keeps the others', () => {
  toggleSelection('a');
  toggleSelection('d');
  selectRange('b', order);
  expect(ids()).toBe('abcd');
  selectRange('e', order);
  expect(ids()).toBe('abcde');
});

test('without a beginning, or with one that the list does not show, a range is the one session', () => {
  selectRange('c', order);
  expect(ids()).toBe('c');
  toggleSelection('x');
  selectRange('e', order);
  expect(ids()).toBe('cex');
});
