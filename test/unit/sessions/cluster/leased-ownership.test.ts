import { test as base, describe, expect, onTestFinished } from 'vitest';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { LeasedOwnership, sessionLeaseNameOf } from '../../../../src/sessions/cluster/leased-ownership.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { type ManualClock, manualClock } from '../../../support/machines/manual-clock.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';

const ttlMs = 9_000;

function server(
  holder: string,
  clock: ManualClock,
  { leases }: Pick<Store, 'leases'> = createInMemoryStore({ shared: true }),
) {
  const requests: string[] = [];
  const trouble = { next: undefined as Error | undefined, hang: false };
  function reached<Answer>(asking: string, answer: () => Promise<Answer>): Promise<Answer> {
    requests.push(asking);
    const error = trouble.next;
    trouble.next = undefined;
    if (trouble.hang) return new Promise(() => {});
    return error ? Promise.reject(error) : answer();
  }
  const seen: typeof leases = {
    ...leases,
    acquire: (...all) => reached(all[0], () => leases.acquire(...all)),
    renew: (...all) => reached(all[0].join(), () => leases.renew(...all)),
  };
  let stoppedFor = 0;
  let wallOff = 0;
  const elapsed = () => clock.now() + stoppedFor;
  const ownership = new LeasedOwnership({
    leases: seen,
    holder,
    ttlMs,
    elapsed,
    clock: { ...clock, now: () => clock.now() + wallOff },
    isDead: (it) => it === 'dead',
  });
  const lost: string[] = [];
  ownership.onLost((id) => lost.push(id));
  onTestFinished(() => ownership[Symbol.asyncDispose]());
  const thief = (name: string, forMs = ttlMs) =>
    leases.acquire(sessionLeaseNameOf(sessionId), name, clock.now() + ttlMs, forMs);
  return {
    ...{ ownership, leases, requests, lost, trouble, thief },
    stop(ms: number) {
      stoppedFor += ms;
    },
    jump(ms: number) {
      wallOff += ms;
    },
  };
}

const test = base.extend('clock', () => manualClock(1_000)).extend('a', ({ clock }) => server('a', clock));

describe('a session among several servers', () => {
  test('belongs to the first that takes it, then to another under a higher epoch', async ({ clock, a }) => {
    const b = server('b', clock, a);
    expect(await a.ownership.take(sessionId)).toBe(1);
    await expect(b.ownership.take(sessionId)).rejects.toMatchObject({ code: 'fenced' });
    expect(await b.ownership.isElsewhere(sessionId)).toBe(true);
    await a.ownership.release(sessionId);
    expect([await b.ownership.isElsewhere(sessionId), await b.ownership.take(sessionId)]).toEqual([false, 2]);
  });

  test('stays with its server as long as that renews, which it does at a third of the time', async ({ clock, a }) => {
    await a.ownership.take(sessionId);
    a.requests.length = 0;
    for (let third = 0; third < 9; third++) await clock.pass(ttlMs / 3);
    expect([a.requests.length, a.ownership.confirm(sessionId)]).toEqual([9, undefined]);
  });

  test('is renewed together with all others, in one request', async ({ clock, a }) => {
    const ids = [1, 2, 3].map((n) => SessionId.parse(`00000000000000b${n}`));
    for (const id of ids) await a.ownership.take(id);
    a.requests.length = 0;
    await clock.pass(ttlMs / 3);
    expect(a.requests).toEqual([ids.map(sessionLeaseNameOf).join()]);
  });

  test('F057 is kept when one renewal fails and the next works', async ({ clock, a }) => {
    await a.ownership.take(sessionId);
    a.trouble.next = new Error('the store is away');
    await clock.pass(ttlMs / 3);
    await clock.pass(ttlMs / 3);
    expect([a.lost, a.ownership.epochOf(sessionId)]).toEqual([[], 1]);
  });

  test('F056 is abandoned before its lease ends when the store stays away', async ({ clock, a }) => {
    await a.ownership.take(sessionId);
    for (let third = 0; third < 3; third++) {
      a.trouble.next = new Error('the store is away');
      await clock.pass(ttlMs / 3);
    }
    expect(a.lost).toEqual([sessionId]);
    await expect(a.ownership.confirm(sessionId)).rejects.toMatchObject({ code: 'fenced' });
  });

  test('F056 is abandoned before its lease ends when the store does not answer at all', async ({ clock, a }) => {
    await a.ownership.take(sessionId);
    a.trouble.hang = true;
    for (let third = 0; third < 3; third++) await clock.pass(ttlMs / 3);
    expect(a.lost).toEqual([sessionId]);
  });

  test('F053 is noticed to be another’s at the next renewal', async ({ clock, a }) => {
    await a.ownership.take(sessionId);
    await a.thief('thief');
    await clock.pass(ttlMs / 3);
    expect(a.lost).toEqual([sessionId]);
  });

  test('F055 is requested again before a server acts that stood still longer than its lease', async ({ a }) => {
    await a.ownership.take(sessionId);
    a.stop(ttlMs);
    await expect(a.ownership.confirm(sessionId)).resolves.toBeUndefined();
    a.stop(ttlMs);
    await a.thief('b');
    await expect(a.ownership.confirm(sessionId)).rejects.toMatchObject({ code: 'fenced' });
    expect(a.lost).toEqual([sessionId]);
  });

  test('is not ours any more when somebody had it in between and gave it back', async ({ a }) => {
    await a.ownership.take(sessionId);
    a.stop(ttlMs);
    await a.thief('b', 1);
    await a.leases.release(sessionLeaseNameOf(sessionId), 'b');
    await expect(a.ownership.confirm(sessionId)).rejects.toMatchObject({ code: 'fenced' });
    expect(await a.ownership.take(sessionId)).toBeGreaterThan(2);
  });

  test('F058 is requested again, and kept, when the wall clock jumps', async ({ a }) => {
    await a.ownership.take(sessionId);
    a.jump(2 * 3_600_000);
    await a.ownership.confirm(sessionId);
    a.jump(-2 * 3_600_000);
    await a.ownership.confirm(sessionId);
    expect([a.lost, a.ownership.epochOf(sessionId)]).toEqual([[], 1]);
  });

  test('a server takes the session of a dead server without a wait', async ({ clock }) => {
    const dead = server('dead', clock);
    const b = server('b', clock, dead);
    await dead.ownership.take(sessionId);
    expect(await b.ownership.take(sessionId)).toBe(2);
  });

  test('is taken over within the lease time when its server falls silent', async ({ clock, a }) => {
    await a.leases.acquire(sessionLeaseNameOf(sessionId), 'silent', clock.now(), ttlMs);
    await expect(a.ownership.take(sessionId)).rejects.toMatchObject({ code: 'fenced' });
    await clock.pass(ttlMs);
    expect(await a.ownership.take(sessionId)).toBe(2);
  });
});
