import { expect, test } from 'vitest';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { newSession, type StoredSession } from '../../../../src/sessions/run/log/projection.ts';
import { type OwnerLimits, ownerQuota } from '../../../../src/sessions/services/owner-quota.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function owners(limits: OwnerLimits) {
  const clock = manualClock();
  const stored = new Map<SessionId, StoredSession>();
  const within = ownerQuota({
    limits,
    clock,
    startTimeoutMs: 60_000,
    get: async (id) => stored.get(id),
    part: async ({ limit, keep }) => [...stored.values()].filter(keep).slice(0, limit),
  });
  const make = (owner?: string) => {
    const id = SessionId.parse((stored.size + 1).toString(16).padStart(16, '0'));
    const named = { id, origin: 'trpc', title: '', template: 'default', projectId: null, lastTask: '' } as const;
    stored.set(id, newSession({ ...named, owner, at: clock.now() }));
    return stored.get(id) as StoredSession;
  };
  /** Resolves with the id of a new session, or with the reason of the refusal. */
  const create = (owner?: string) =>
    within(owner, async () => make(owner)).then(
      ({ id }) => id,
      ({ code }: { code: string }) => code,
    );
  const change = (id: string, to: Partial<StoredSession>) => {
    const key = SessionId.parse(id);
    stored.set(key, { ...(stored.get(key) as StoredSession), ...to });
  };
  return { clock, stored, within, create, change };
}
const isId = expect.stringMatching(/^[0-9a-f]{16}$/);

test("an owner has a limited number of sessions; other owners' and ownerless sessions do not count", async () => {
  const { create, stored } = owners({ sessions: 2, starting: 0 });
  for (const owner of ['a', 'b', undefined]) {
    for (let n = 0; n < 2; n++) expect(await create(owner)).toEqual(isId);
  }
  expect([await create('a'), await create('b')]).toEqual(['quota', 'quota']);
  expect(await create()).toEqual(isId);
  stored.delete([...stored.keys()][0] as SessionId);
  expect([await create('a'), await create('a')]).toEqual([isId, 'quota']);
});

test('concurrent creates of one owner do not exceed the limit of sessions', async () => {
  const { create } = owners({ sessions: 3, starting: 0 });
  const made = await Promise.all(Array.from({ length: 10 }, () => create('a')));
  expect(made.filter((it) => it === 'quota')).toHaveLength(7);
});

test('an owner starts a limited number of sessions at once, until one has its sandbox, loses it, or is deleted', async () => {
  const { create, change } = owners({ sessions: 0, starting: 3 });
  const first = [await create('a'), await create('a'), await create('a')];
  expect([await create('a'), await create('b')]).toEqual(['rate_limited', isId]);
  const ways = [{ sandboxState: 'running' }, { sandboxState: 'not_found' }, { deleting: true }] as const;
  for (const [n, way] of ways.entries()) {
    change(first[n] ?? '', way);
    expect([await create('a'), await create('a')]).toEqual([isId, 'rate_limited']);
  }
});

test('a sandbox that never comes does not count for ever', async () => {
  const { create, clock } = owners({ sessions: 0, starting: 1 });
  await create('a');
  clock.advance(59_999);
  expect(await create('a')).toBe('rate_limited');
  clock.advance(1);
  expect(await create('a')).toEqual(isId);
});

test('a create over the limit of starts is refused before it stores anything, and can be retried', async () => {
  const { within, create, stored } = owners({ sessions: 0, starting: 2 });
  const { promise: blocked, resolve } = Promise.withResolvers<never>();
  const slow = [1, 2].map(() => within('a', () => blocked).catch(() => 'failed'));
  expect(await create('a')).toBe('rate_limited');
  expect(stored.size).toBe(0);
  resolve(Promise.reject(new Error('No store.')) as never);
  expect(await Promise.all(slow)).toEqual(['failed', 'failed']);
  expect(await create('a')).toEqual(isId);
});
