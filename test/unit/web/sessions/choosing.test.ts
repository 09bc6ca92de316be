import { beforeEach, expect, test } from 'vitest';
import {
  selectedSessionIds,
  selectSessionRange,
  stopSelectingSessions,
  toggleSessionSelection,
} from '../../../../src/web/sessions/choosing.ts';

const order = ['a', 'b', 'c', 'd', 'e'];
const ids = () => [...selectedSessionIds.value].sort().join('');
beforeEach(stopSelectingSessions);

test('a range reaches from the last session that was chosen alone, in both directions, and keeps the others', () => {
  toggleSessionSelection('a');
  toggleSessionSelection('d');
  selectSessionRange('b', order);
  expect(ids()).toBe('abcd');
  selectSessionRange('e', order);
  expect(ids()).toBe('abcde');
});

test('without a beginning, or with one that the list does not show, a range is the one session', () => {
  selectSessionRange('c', order);
  expect(ids()).toBe('c');
  toggleSessionSelection('x');
  selectSessionRange('e', order);
  expect(ids()).toBe('cex');
});
