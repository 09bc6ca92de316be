import { createHmac } from 'node:crypto';
import { apiKeys } from '../../src/auth/api-keys.ts';
import { peppers } from '../../src/auth/pepper.ts';
import { presentedTokens, tokenGate } from '../../src/auth/token.ts';
import { hasRole } from '../../src/core/actor.ts';
import { systemClock } from '../../src/core/clock.ts';
import { randomIds } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { actorFor } from '../../src/facades/shared/guard.ts';
import { memoryStore } from '../../src/store/memory/store.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';

// The caller of a request and its rights: an API key in a header, checked next to a token, and its role next to the least
// one of a route. The peer is one HMAC of the same key.

export const P28: Row = {
  id: 'P28',
  title: 'authentication of a request',
  missing: nothingMissing,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P28', variant: { keys: 100 }, unit: 'us', better: 'lower', feels: 'noise' },
    ...{ subject: 'guard', peer: 'one-hmac' },
    goals: [{ stat: 'p50', max: 10, level: 'anchor' }],
    rounds: { warmUp: 3, min: 10, max: quick ? 20 : 60, capMs: quick ? 8_000 : 60_000 },
    open: () => openPair(quick ? 5_000 : 20_000),
  };
}

async function openPair(times: number): Promise<Pair> {
  const store = memoryStore();
  const peppered = peppers([new Secret('a pepper of this bench')]);
  const keys = await apiKeys({
    ...{ records: store.records, peppers: async () => peppered, clock: systemClock, ids: randomIds() },
    ...{ shared: false, hasToken: true, warn: () => {} },
  });
  let key = '';
  for (let n = 0; n < 100; n++) ({ key } = await keys.create({ name: `key ${n}`, role: n % 2 ? 'user' : 'operator' }));
  const options = { gate: tokenGate(new Secret('the token of this server')), keys };
  const authorization = `Bearer ${key}`;
  const secret = Buffer.alloc(32, 'k');
  const timed = (work: () => void) => {
    const from = performance.now();
    for (let n = 0; n < times; n++) work();
    return { samples: [((performance.now() - from) * 1_000) / times] };
  };
  return {
    subject: async () =>
      timed(() => {
        const actor = actorFor(presentedTokens({ authorization }), options);
        if (!actor || !hasRole(actor, 'user')) throw new Error('the key was refused');
      }),
    peer: async () => timed(() => createHmac('sha256', secret).update(key).digest()),
    async [Symbol.asyncDispose]() {
      keys[Symbol.dispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
