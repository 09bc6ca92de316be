import { expect, test } from 'vitest';
import { findMessageBranches } from '../../../../src/web/data/branches.ts';

type BranchedSession = Parameters<typeof findMessageBranches>[0][number];
const session = (id: string, minute: number, more: Partial<BranchedSession> = {}): BranchedSession => ({
  id,
  createdAt: `2026-01-01T00:0${minute}:00Z`,
  branch: null,
  forkedFrom: null,
  ...more,
});
const cut = (sessionId: string, seq: number) => ({ sessionId, seq, files: 'kept' as const }) as never;
const place = (sessionId: string, seq: number) => ({ sessionId, seq }) as never;

const first = session('first', 0);
const second = session('second', 1, { branch: place('first', 20), forkedFrom: cut('first', 19) });
const third = session('third', 2, { branch: place('first', 20), forkedFrom: cut('second', 24) });

test('the wordings of a message are the session with the old one, then the others in the order of their making', () => {
  const all = [third, first, second];
  const expected = { ids: ['first', 'second', 'third'], at: 0 };
  expect(findMessageBranches(all, { sessionId: 'first', seq: 20, firstOwn: 2 })).toEqual(expected);
  expect(findMessageBranches(all, { sessionId: 'third', seq: 27, firstOwn: 27 })?.at).toBe(2);
  expect(findMessageBranches(all, { sessionId: 'first', seq: 2, firstOwn: 2 })).toBeUndefined();
  expect(findMessageBranches(all, { sessionId: 'second', seq: 30, firstOwn: 25 })).toBeUndefined();
});

test('a message that a branch copied has the wordings of the session that it was copied from', () => {
  const other = session('other', 3, { branch: place('first', 2), forkedFrom: cut('first', 1) });
  const expected = { ids: ['third', 'other'], at: 0 };
  expect(findMessageBranches([first, second, third, other], { sessionId: 'third', seq: 2, firstOwn: 27 })).toEqual(
    expected,
  );
});

test('where the session with the old wording was deleted, the others remain', () =>
  expect(findMessageBranches([second, third], { sessionId: 'second', seq: 25, firstOwn: 25 })).toEqual({
    ids: ['second', 'third'],
    at: 0,
  }));
