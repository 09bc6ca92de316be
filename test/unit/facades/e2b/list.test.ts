import { expect, test } from 'vitest';
import type { SessionLifetime, SessionRecord } from '../../../../src/core/model/records.ts';
import { toSandboxPage } from '../../../../src/facades/compat/e2b/control/list.ts';

const record = (at: number, life: Partial<SessionLifetime> | undefined = {}, more: object = {}): SessionRecord =>
  ({
    id: `${at}`.padStart(16, '0'),
    origin: 'e2b',
    createdAt: at,
    ...(life && { life: { kind: 'base', paused: null, ...life } }),
    ...more,
  }) as never;
const all = [
  record(1_000, {}, { metadata: { a: '1' } }),
  record(2_000, { kind: 'desktop' }, { metadata: { a: '1', b: 'x y' } }),
  record(3_000, { paused: 'memory' }),
  record(4_000, {}, { origin: 'trpc' }),
];
const listed = (query: string) =>
  toSandboxPage(all, new URLSearchParams(query)).sessions.map(({ createdAt }) => createdAt);

test('the newest come first, and sessions of other facades not at all', () => {
  expect([listed(''), listed('order=asc')]).toEqual([
    [3_000, 2_000, 1_000],
    [1_000, 2_000, 3_000],
  ]);
});
test('all pairs of the metadata must match', () => {
  expect([listed('metadata=a%3D1'), listed('metadata=a%3D1%26b%3Dx%252520y')]).toEqual([[2_000, 1_000], [2_000]]);
  expect([listed('metadata=a%3D1%26c%3D'), listed('metadata=constructor%3D')]).toEqual([[], []]);
});
test('a state, several of them, or none can be requested', () => {
  expect([listed('state=paused'), listed('state=running')]).toEqual([[3_000], [2_000, 1_000]]);
  for (const both of ['state=running,paused', 'state=running%2Cpaused', 'state=running%252Cpaused', 'state='])
    expect(listed(both)).toHaveLength(3);
});
test('a start time counts itself in, and a template is a name', () => {
  expect(listed(`startedAfter=${new Date(2_000).toISOString()}`)).toEqual([3_000, 2_000]);
  expect(listed('template=desktop')).toEqual([2_000]);
});
test('the total counts what runs, whatever the query', () =>
  expect(toSandboxPage(all, new URLSearchParams('state=paused')).running).toBe(2));
test('a page continues at its place in either order, and an empty token is none', () => {
  for (const order of ['asc', 'desc']) {
    const first = toSandboxPage(all, new URLSearchParams({ limit: '2', order, nextToken: '' }));
    const now = order === 'desc' ? [...all, record(9_000)] : all; // a new sandbox shifts nothing
    const rest = toSandboxPage(now, new URLSearchParams({ limit: '2', order, nextToken: first.next ?? '' }));
    expect([...first.sessions, ...rest.sessions].map(({ createdAt }) => createdAt)).toEqual(listed(`order=${order}`));
    expect(rest.next).toBeUndefined();
  }
});
