import { expect, onTestFinished, test } from 'vitest';
import { PeerReplicas } from '../../../../src/sessions/cluster/peers.ts';
import { createLocalOwnership } from '../../../../src/sessions/engine/ownership.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { newSession } from '../../../support/stores/store.ts';

const ttlMs = 5_000;

/** A server that works on one session, and another server on the same store. */
function two() {
  const clock = manualClock(1_000_000);
  const { records } = createInMemoryStore();
  const id = newSession();
  const stop = new AbortController();
  const common = { records, clock, elapsed: clock.now, ttlMs, closing: stop.signal, isDead: () => false };
  const inherited: string[] = [];
  const server = (name: string, owned: readonly (typeof id)[]) =>
    new PeerReplicas({
      ...common,
      name,
      holder: name,
      ownership: { ...createLocalOwnership(), owned: () => [...owned] },
      inherit: async (ids) => void inherited.push(...ids),
      warn: () => {},
    });
  const disposed = async (peers: PeerReplicas) => {
    await Promise.all([peers[Symbol.asyncDispose](), clock.pass(1_000)]);
  };
  const [worker, other] = [server('worker', [id]), server('other', [])];
  onTestFinished(() => disposed(other));
  return { id, worker, other, clock, disposed, inherited };
}

test('a session of a living server is with a peer, until that server has left', async () => {
  const { id, worker, other, clock, disposed, inherited } = two();
  await clock.pass(1_000);
  expect([other.has(id), other.has(newSession()), worker.has(id)]).toEqual([true, false, false]);
  await clock.pass(3 * ttlMs); // it announces it repeatedly
  expect(other.has(id)).toBe(true);
  await disposed(worker);
  expect([other.has(id), inherited]).toEqual([false, [id]]);
});
