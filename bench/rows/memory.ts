import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../lib/calls/child-process.ts';
import { containerOf, missingEngine, processesIn } from '../lib/calls/engine-api.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { dockerSession, likenessOf, servedClient } from '../lib/corral/client.ts';
import { pssOf } from '../lib/corral/process-usage.ts';
import { startServer } from '../lib/corral/server.ts';
import {
  type Experiment,
  limited,
  type Missing,
  type Mode,
  type Pair,
  type Row,
  timedRow,
} from '../lib/measure/measure.ts';
import { startBare, startRaw } from '../peers/raw-container.ts';

// Memory as Pss, a process's share of the machine's: pages that several processes share count in part. `server`: one
// without a session. `session`: one more session in memory, without a sandbox; each round adds sessions, collects garbage,
// and divides the growth since the warm-up by the sessions added since. `daemon`: the init and the daemon of an idle
// sandbox, beside the plainest HTTP server on the same Node in an equal container; both run at the same time, so that
// each has half of the pages that they share. `density`: how many idle sandboxes fit into 4 GiB, with what the server grows by
// for them; a round starts a few on each side, the peer's by the engine's API, and divides.

const settleMs = 3_000;
const serverMiB = 130;
const sessionKiB = 64;
const plain = "require('node:http').createServer((_, res) => res.end('ok')).listen('/tmp/socket')";
const missingRoot: Missing = async () =>
  process.getuid?.() === 0 ? await missingEngine() : 'needs root, to read the memory of containers';
const rounds = (mode: Mode) => ({ warmUp: 0, min: 4, max: mode === 'quick' ? 4 : 12, capMs: 60_000 });

export const memory: Row = {
  name: 'memory',
  title: 'memory (Pss) of an empty server, and of a session in memory',
  experiments: (mode) => [server(mode), session(mode)],
};
export const daemonMemory: Row = {
  name: 'memory',
  title: "memory (Pss) of an idle sandbox's daemon, Docker",
  missing: missingRoot,
  experiments: (mode) => [daemon(mode)],
};

const server = (mode: Mode): Experiment =>
  limited({
    max: serverMiB,
    unit: 'MiB',
    variant: { of: 'server' },
    rounds: rounds(mode),
    open: async () => async () => {
      await using running = await startServer({ CORRAL_DRIVER: 'process' });
      await pause(settleMs);
      return [pssOf(running.pid) / 1_024];
    },
  });

const session = (mode: Mode): Experiment =>
  limited({
    max: sessionKiB,
    unit: 'KiB',
    variant: { of: 'session' },
    rounds: { ...rounds(mode), warmUp: 2 },
    async open(stack) {
      const { path: dataDir } = stack.use(await freshFolder());
      const corral = stack.use(await startChild('corral-parts', { dataDir, store: 'normal' }, ['--expose-gc']));
      const count = mode === 'quick' ? 250 : 500;
      const grow = () => corral.call<number>('grow', { count, restMs: mode === 'quick' ? 600 : 5_000 });
      const warm = await grow();
      let added = 0;
      return async () => {
        added += count;
        return [Math.max(0, (await grow()) - warm) / added];
      };
    },
  });

const daemon = (mode: Mode): Experiment => ({
  variant: { of: 'daemon' },
  unit: 'MiB',
  better: 'lower',
  feels: 'nothing',
  subject: 'corral',
  peer: 'node-http-server',
  goals: [{ stat: 'p50', max: 1.3 }],
  rounds: rounds(mode),
  open: async (stack) => {
    const { container } = await dockerSession(stack);
    const peer = await startBare(stack, container, ['node', '-e', plain]);
    await pause(settleMs);
    const memoryOf = async (id: string) => {
      await pause(settleMs / 3);
      return [await pssInMiB(id)];
    };
    return {
      subject: () => memoryOf(container.Id),
      peer: () => memoryOf(peer),
    };
  },
});

/** The memory of a container's processes together. */
async function pssInMiB(container: string): Promise<number> {
  const all = (await processesIn(container)).map(({ pid }) => pssOf(pid));
  return all.reduce((sum, kibibytes) => sum + kibibytes, 0) / 1_024;
}

const room = 4_096;

export const density = timedRow({
  name: 'density',
  title: 'idle sandboxes in 4 GiB, Docker',
  missing: missingRoot,
  variant: { driver: 'docker' },
  unit: 'sandboxes',
  better: 'higher',
  feels: 'nothing',
  peer: 'engine-api-containers',
  goals: [{ stat: 'p50', min: 0.75 }],
  quickMs: 60_000,
  rounds: { min: 4, max: 4 },
  open: (stack, mode) => openDensity(stack, mode === 'quick' ? 4 : 12),
});

async function openDensity(stack: AsyncDisposableStack, count: number): Promise<Pair> {
  const client = await servedClient(stack, { CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'none' });
  const likeness = await likenessOf(client);
  const fitting = async (containers: readonly string[], more: number) => {
    const all = await Promise.all(containers.map(pssInMiB));
    return [room / ((all.reduce((sum, one) => sum + one, 0) + more) / count)];
  };
  return {
    async subject() {
      const before = pssOf(client.pid);
      const sessions: string[] = [];
      for (let n = 0; n < count; n++) sessions.push(await client.started());
      await pause(settleMs);
      const containers = await Promise.all(sessions.map(async (session) => (await containerOf(session)).Id));
      const round = await fitting(containers, Math.max(0, pssOf(client.pid) - before) / 1_024);
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
