import { expect, test } from 'vitest';
import type { AppendRequest } from '../../../../../src/core/contracts/ports.ts';
import { SessionId } from '../../../../../src/core/model/ids.ts';
import type { Principal } from '../../../../../src/core/model/principal.ts';
import { readAllUsageGroups } from '../../../../../src/core/model/runs/usage-report.ts';
import { guardUsage } from '../../../../../src/sessions/access/guarded-resources.ts';
import { createUsageService } from '../../../../../src/sessions/services/sessions/usage.ts';
import { createInMemoryStore } from '../../../../../src/storage/memory/store.ts';
import { fact, stored } from '../../../../support/machines/session-parts.ts';

const noon = Date.UTC(2026, 10, 24, 12);
const usage = (model: string, cost?: number) =>
  fact('usage', { model, inputTokens: 10, outputTokens: 5, ...(cost !== undefined && { cost }) }, null);

async function service() {
  const store = createInMemoryStore();
  const add = (letter: string, at: number, facts: AppendRequest['facts'], more: object) => {
    const id = SessionId.parse(letter.repeat(16));
    const puts = [{ kind: 'session', id, doc: stored({ id, title: `Title ${letter}`, ...more }) }];
    return store.events.append({ sessionId: id, after: 0, at, facts, puts });
  };
  await add('a', noon, [usage('x/one', 1), usage('x/two', 3)], { owner: 'ada', projectId: 'p1' });
  await add('b', noon + 86_400_000, [usage('x/one')], { owner: 'bob' });
  await add('c', noon, [usage('x/one', 100)], { owner: 'ada', deleting: true });
  const people = async () => new Map([['ada', 'Ada']]);
  return createUsageService({ store, people, projectName: async (id) => `Project ${id}` });
}
const range = { from: '2026-11-23', to: '2026-11-25' };

test('sums of all sessions are grouped by person, model, project, session and day, the most expensive first', async () => {
  const it = await service();
  const groups = async (by: Parameters<typeof it.report>[0]['by']) =>
    (await it.report({ ...range, by })).groups.map(
      (of) => `${of.name}: ${of.turns} for ${of.cost}, ${of.unpriced} not`,
    );
  expect(await groups('person')).toEqual(['Ada: 2 for 4, 0 not', 'bob: 1 for 0, 1 not']);
  expect(await groups('model')).toEqual(['x/two: 1 for 3, 0 not', 'x/one: 2 for 1, 1 not']);
  expect(await groups('project')).toEqual(['Project p1: 2 for 4, 0 not', ': 1 for 0, 1 not']);
  expect(await groups('session')).toEqual(['Title a: 2 for 4, 0 not', 'Title b: 1 for 0, 1 not']);
  expect(await groups('day')).toEqual(['2026-11-24: 2 for 4, 0 not', '2026-11-25: 1 for 0, 1 not']);
});

test('the days of the range are all there, and their sums are the total', async () => {
  const { days, total } = await (await service()).report({ ...range, by: 'model' });
  const listed = days.map(({ day, turns, cost }) => `${day}: ${turns} for ${cost}`);
  expect(listed).toEqual(['2026-11-23: 0 for 0', '2026-11-24: 2 for 4', '2026-11-25: 1 for 0']);
  expect(total).toEqual({ turns: 3, inputTokens: 30, cachedTokens: 0, outputTokens: 15, cost: 4, unpriced: 1 });
});

test('the first groups come with the days of their usage, and with the same sums', async () => {
  const it = await service();
  const { groups } = await it.report({ ...range, by: 'model', dailyGroups: 2 });
  expect(groups.map(({ id, days }) => [id, ...days.map(({ day, turns, cost }) => [day, turns, cost])])).toEqual([
    ['x/two', ['2026-11-24', 1, 3]],
    ['x/one', ['2026-11-24', 1, 1], ['2026-11-25', 1, 0]],
  ]);
  const { groups: some } = await it.report({ ...range, by: 'model', dailyGroups: 1 });
  expect(some.map(({ days }) => days.length)).toEqual([1, 0]);
});

test('a long report comes in pages, each after the last group of the one before, with the same totals', async () => {
  const it = await service();
  const read: string[][] = [];
  const all = await readAllUsageGroups(async (cursor) => {
    const page = await it.report({ ...range, by: 'person', limit: 1, cursor });
    read.push(page.groups.map(({ name }) => name));
    expect(page.total.turns).toBe(3);
    return page;
  });
  expect([read, all.groups.map(({ id }) => id), all.nextCursor]).toEqual([[['Ada'], ['bob']], ['ada', 'bob'], null]);
  await expect(it.report({ ...range, by: 'person', cursor: 'ada' })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a caller gets the sums of its own sessions alone, an administrator those of all', async () => {
  const it = await service();
  const turns = async (principal: Principal) =>
    (await guardUsage(it, () => principal).report({ ...range, by: 'person' })).groups.map(({ id }) => id);
  expect(await turns({ role: 'user', owner: 'bob' })).toEqual(['bob']);
  expect([await turns({ role: 'operator', owner: 'eve' }), await turns({ role: 'nobody' })]).toEqual([[], []]);
  expect(await turns({ role: 'admin' })).toEqual(['ada', 'bob']);
});

test('a range that ends before it begins, or is longer than 366 days, is refused', async () => {
  const it = await service();
  await expect(it.report({ from: '2026-11-25', to: '2026-11-24', by: 'day' })).rejects.toThrow('at most 366 days');
  await expect(it.report({ from: '2024-01-01', to: '2026-01-01', by: 'day' })).rejects.toThrow('at most 366 days');
});
