import { setTimeout as pause } from 'node:timers/promises';
import { containerOf, likenessOf } from '../lib/calls/engine-api.ts';
import { sessionClient } from '../lib/corral/client.ts';
import { pssOf } from '../lib/corral/memory.ts';
import { startServer } from '../lib/corral/server.ts';
import { type Pair, type Row, roundsWithin } from '../lib/measure/measure.ts';
import { startRaw } from '../peers/raw-container.ts';
import { missingRoot, pssInMiB } from './memory.ts';

// How many idle sandboxes fit into 4 GiB: their memory (Pss), and what the server grows by for them. The peer is equal
// containers by the engine's API. A round starts a few on each side and divides.

const room = 4_096;
const settleMs = 2_000;

export const density: Row = {
  name: 'density',
  title: 'idle sandboxes in 4 GiB, Docker',
  missing: missingRoot,
  experiments: (mode) => [
    {
      variant: { driver: 'docker' },
      unit: 'sandboxes',
      better: 'higher',
      feels: 'nothing',
      subject: 'corral',
      peer: 'engine-api-containers',
      goals: [{ stat: 'p50', min: 0.75 }],
      rounds: { ...roundsWithin(mode, 60_000), min: 4, max: 4 },
      open: (stack) => openPair(stack, mode === 'quick' ? 4 : 12),
    },
  ],
};

async function openPair(stack: AsyncDisposableStack, count: number): Promise<Pair> {
  const server = stack.use(await startServer({ CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' }));
  const client = stack.use(sessionClient(server));
  const likeness = await likenessOf(client);
  const fitting = async (containers: readonly string[], more: number) => {
    const all = await Promise.all(containers.map(pssInMiB));
    return { samples: [room / ((all.reduce((sum, one) => sum + one, 0) + more) / count)] };
  };
  return {
    async subject() {
      const before = pssOf(server.pid);
      const sessions: string[] = [];
      for (let n = 0; n < count; n++) sessions.push(await client.started());
      await pause(settleMs);
      const containers = await Promise.all(sessions.map(async (session) => (await containerOf(session)).Id));
      const round = await fitting(containers, Math.max(0, pssOf(server.pid) - before) / 1_024);
      await Promise.all(sessions.map((session) => client.remove(session)));
      return round;
    },
    async peer() {
      await using containers = new AsyncDisposableStack();
      const ids: string[] = [];
      for (let n = 0; n < count; n++) ids.push(containers.use(await startRaw(likeness, 'command')).id);
      await pause(settleMs);
      return await fitting(ids, 0);
    },
  };
}
