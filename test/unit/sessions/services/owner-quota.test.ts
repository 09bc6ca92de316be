import { expect, test } from 'vitest';
import { randomIds, SessionId } from '../../../../src/core/model/ids.ts';
import { newSession, type StoredSession } from '../../../../src/sessions/run/log/projection.ts';
import { type OwnerLimits, ownerQuota } from '../../../../src/sessions/services/owner-quota.ts';
import { memoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function owners(limits: OwnerLimits, servers = 1) {
  const clock = manualClock();
  const ids = randomIds();
  const { records } = memoryStore({ shared: true });
  const stored = new Map<SessionId, StoredSession>();
  const put = async (session: StoredSession) => {
    stored.set(session.id, session);
    await records.put({ kind: 'session', id: session.id, doc: session });
    return session;
  };
  const all = Array.from({ length: servers }, () =>
    ownerQuota({
      limits,
      clock,
      startTimeoutMs: 60_000,
      get: async (id) => stored.get(id),
      records,
      newId: ids.sessionId,
    }),
  );
  let calls = 0;
  const within = (owner: string | undefined, make: () => Promise<StoredSession>) =>
    all[calls++ % servers]?.(owner, make) as Promise<StoredSession>;
  const make = (owner?: string) => {
    const named = { origin: 'trpc', title: '', template: 'default', projectId: null, lastTask: '' } as const;
    return put(newSession({ ...named, id: ids.sessionId(), owner, at: clock.now() }));
  };
  /** Resolves with the id of a new session, or with the reason of the refusal. */
  const create = (owner?: string) =>
    within(owner, () => make(owner)).then(
      ({ id }) => id,
      ({ code }: { code: string }) => code,
    );
  const change = (id: string, to: Partial<StoredSession>) =>
    put({ ...(stored.get(SessionId.parse(id)) as StoredSession), ...to });
  return { clock, stored, within, create, change };
}
const isId = expect.stringMatching(/^[0-9a-f]{16}$/);

test("an owner has a limited number of sessions; other owners' and ownerless sessions do not count", async () => {
  const { change, create, stored } = owners({ sessions: 2, starting: 0 });
  for (const owner of ['a', 'b', undefined]) {
    for (let n = 0; n < 2; n++) expect(await create(owner)).toEqual(isId);
  }
  expect([[await create('a'), await create('b')], await create()]).toEqual([['quota', 'quota'], isId]);
  await change([...stored.keys()][0] as SessionId, { deleting: true });
  expect([await create('a'), await create('a')]).toEqual([isId, 'quota']);
});

test.each([1, 3])(
  'concurrent creates of one owner at %i servers do not exceed the limit of sessions',
  async (servers) => {
    const { create } = owners({ sessions: 3, starting: 0 }, servers);
    const made = await Promise.all(Array.from({ length: 10 }, () => create('a')));
    expect(made.filter((it) => it === 'quota')).toHaveLength(7);
  },
);

test('an owner starts a limited number of sessions at once, until one has its sandbox, loses it, or is deleted', async () => {
  const { create, change } = owners({ sessions: 0, starting: 3 });
  const first = [await create('a'), await create('a'), await create('a')];
  expect([await create('a'), await create('b')]).toEqual(['rate_limited', isId]);
  const ways = [{ sandboxState: 'running' }, { sandboxState: 'not_found' }, { deleting: true }] as const;
  for (const [n, way] of ways.entries()) {
    await change(first[n] ?? '', way);
    expect([await create('a'), await create('a')]).toEqual([isId, 'rate_limited']);
  }
});

test('a sandbox that never occurs does not count for ever', async () => {
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
  expect([await create('a'), stored.size]).toEqual(['rate_limited', 0]);
  resolve(Promise.reject(new Error('No store.')) as never);
  expect([await Promise.all(slow), await create('a')]).toEqual([['failed', 'failed'], isId]);
});
