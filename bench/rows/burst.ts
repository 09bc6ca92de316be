import { sessionClient } from '../lib/corral/client.ts';
import { missingAt, openPlace, peerAt } from '../lib/corral/places.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { countArrivals, type Pair, timedRow } from '../lib/measure/measure.ts';

// Twenty sessions at once, each from its request to the output of its first command. The peer is twenty equal
// containers that the engine's API starts at once. A session that fails counts as lost.

const burstSize = 20;

export const burst = timedRow({
  name: 'burst',
  title: `${burstSize} sessions at once, up to their first commands`,
  missing: missingAt.docker,
  variant: { sessions: burstSize },
  peer: `${peerAt.docker}s`,
  goals: [
    { stat: 'p50', max: 1.3 },
    { stat: 'p95', max: 1.3 },
  ],
  quickMs: 60_000,
  rounds: { warmUp: 0, min: 4 },
  open: openPair,
});

async function openPair(stack: AsyncDisposableStack): Promise<Pair> {
  const place = stack.use(await openPlace('docker'));
  const settings = { ...place.settings, CORRAL_SANDBOX_MAX_STARTING: String(burstSize) }; // all at once, like the peer
  const client = stack.use(sessionClient(stack.use(await startServer(settings))));
  const start = await place.rawStart(client);
  const many = <Value>(act: () => Promise<Value>) => Promise.allSettled(Array.from({ length: burstSize }, act));
  return {
    async subject() {
      const all = await many(async () => {
        const from = monotonicMs();
        const session = await client.started();
        return { session, ms: monotonicMs() - from };
      });
      const ready = all.flatMap((it) => (it.status === 'fulfilled' ? it.value : []));
      await Promise.all(ready.map(({ session }) => client.remove(session)));
      return { samples: ready.map(({ ms }) => ms), correct: countArrivals(burstSize, ready.length) };
    },
    async peer() {
      await using containers = new AsyncDisposableStack();
      const all = await many(async () => containers.use(await start()).startMs);
      return { samples: all.flatMap((it) => (it.status === 'fulfilled' ? it.value : [])) };
    },
  };
}
