import { expect, test } from 'vitest';
import { EnvironmentKeys } from '../../../src/auth/environment-keys.ts';
import { createPeppers } from '../../../src/auth/pepper.ts';
import { type Clock, systemClock } from '../../../src/core/contracts/clock.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { WorkQueue } from '../../../src/sessions/work-queue/work-queue.ts';
import { openPair, storePairs } from '../../support/stores/store-pairs.ts';

// An item has one worker at a time, on every store and with several servers.

const environment = 'env_0123456789abcdef01234567';
const count = 30;
const ids = createIdSource();

function queueOn({ records }: Store, clock: Clock): WorkQueue['service'] {
  const secret = createPeppers([new Secret('ab'.repeat(32))]);
  const keys = new EnvironmentKeys({ records, clock, ids, peppers: async () => secret });
  const session = async () => ({ archived: false });
  return new WorkQueue({ records, keys, clock, session, readOwner: async () => undefined, shared: true }).service;
}

/** Workers of two servers take everything; then all leases lapse, and they take it once more. */
async function serveTwice(stores: readonly Store[]) {
  let later = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + later };
  const queues = stores.map((store) => queueOn(store, clock));
  const sessions = Array.from({ length: count }, () => ids.sessionId());
  await Promise.all(sessions.flatMap((id) => queues.map((queue) => queue.enqueue(environment, id))));
  const drain = async () => {
    const options = { blockMs: 0, reclaimMs: 5_000, maker: {}, signal: new AbortController().signal };
    const work = async (queue: WorkQueue['service']) => {
      const taken: string[] = [];
      for (;;) {
        const item = await queue.poll(environment, options);
        if (!item) return taken;
        taken.push(item.sessionId);
        await queue.acknowledge(environment, item.id);
        const { outcome } = await queue.beat(environment, item.id, { expected: null });
        if (outcome !== 'extended') throw new Error(outcome);
      }
    };
    return (await Promise.all([...queues, ...queues].map(work))).flat().sort();
  };
  const first = await drain();
  later += 90_000;
  return { all: [...sessions].sort(), first, second: await drain() };
}

test.for(storePairs)(
  'a work queue of two servers gives each session to one worker at a time, with %s',
  async (name, context) => {
    await using pair = await openPair(name, context, { atomicUpdates: true });
    const { all, first, second } = await serveTwice(pair.stores);
    expect([first, second]).toEqual([all, all]);
  },
);
