import { expect, test } from 'vitest';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { listNewestSessions } from '../../../../src/facades/compat/managed-agents/sessions/routes.ts';
import type { SessionListQuery } from '../../../../src/sessions/api/sessions.ts';

/**
 * A service with sessions that have these creation times and times of their newest messages; it counts complete lists.
 */
function service(times: readonly (readonly [createdAt: number, latestMessageAt: number])[]) {
  const rows = times
    .map(([createdAt, latestMessageAt]) => ({ createdAt, latestMessageAt }) as SessionRecord)
    .sort((one, other) => other.latestMessageAt - one.latestMessageAt);
  const counts = { whole: 0 };
  const list = async (only?: SessionListQuery) => {
    if (!only) counts.whole += 1;
    return only ? rows.slice(0, only.limit) : rows;
  };
  return { list, counts };
}
const newest = async (
  it: ReturnType<typeof service>,
  limit: number | undefined,
  isMatch = (_: SessionRecord) => true,
) => (await listNewestSessions(it, isMatch, limit)).map(({ createdAt }) => createdAt);
const quiet = Array.from({ length: 10 }, (_, n) => [n, n] as const);

test.each([
  ['the newest sessions have the newest messages', quiet, [9, 8, 7]],
  ['many sessions have one time', quiet.map(() => [5, 5] as const), [5, 5, 5]],
])('the first page needs one short read where %s', async (_, times, expected) => {
  const it = service(times);
  expect([await newest(it, 2), it.counts.whole]).toEqual([expected, 0]);
});

test('a young session without a new message stands before old ones that have some', async () => {
  const talked = [0, 1, 2, 3, 4, 5].map((n) => [n, 100 + n] as const);
  const it = service([...talked, [50, 50]]);
  expect((await newest(it, 2)).slice(0, 3)).toEqual([50, 5, 4]);
});

test('sessions that are not requested are left out, and with few of them all are read', async () => {
  const it = service(quiet);
  expect((await newest(it, 2, ({ createdAt }) => createdAt % 4 === 0)).slice(0, 3)).toEqual([8, 4, 0]);
  expect(await newest(it, undefined)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
});
