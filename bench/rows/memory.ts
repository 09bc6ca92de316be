import { setTimeout as pause } from 'node:timers/promises';
import { findProcessesByVariable } from '../../drivers/process/proc.ts';
import { SessionId, sandboxIdOf } from '../../src/core/model/ids.ts';
import { startProgram } from '../lib/calls/child-process.ts';
import { describeMissingEngine, inspectSessionContainer, listContainerProcesses } from '../lib/calls/engine-api.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { startDockerSession, startServerWithClient } from '../lib/corral/client.ts';
import { openBackend, peersByBackend } from '../lib/corral/places.ts';
import { readPssKiB } from '../lib/corral/process-usage.ts';
import { startServer } from '../lib/corral/server.ts';
import {
  type BenchMode,
  type BenchRow,
  createLimitExperiment,
  createTimedRow,
  type Experiment,
  type ExperimentSides,
  type RequirementCheck,
} from '../lib/measure/measure.ts';
import { startBareContainer } from '../peers/raw-container.ts';

// Memory as Pss, which divides shared pages among their processes. `server`: a server without a session. `session`: one
// more session in memory, without a sandbox; each round adds sessions, collects garbage, and divides the growth since
// the warm-up by the sessions added since. `daemon`: the init and the daemon of an idle sandbox, compared with the
// plainest HTTP server on the same Node in an equal container; both run at the same time, so each is charged half of
// their shared pages. `density`: how many idle sandboxes fit into 4 GiB, including the server's growth for them; a
// round starts a few on each side, the peer's without Corral, and divides.

const settleMs = 3_000;
const serverMiB = 130;
const sessionKiB = 64;
const plain = "require('node:http').createServer((_, res) => res.end('ok')).listen('/tmp/socket')";
const asRoot = (missing: RequirementCheck) => async () =>
  process.getuid?.() === 0 ? await missing() : 'needs root, to read the memory of sandboxes';
const rounds = (mode: BenchMode) => ({ warmUp: 0, min: 4, max: mode === 'quick' ? 4 : 12, capMs: 60_000 });

export const memory: BenchRow = {
  name: 'memory',
  title: 'memory (Pss) of an empty server, and of a session in memory',
  experiments: (mode) => [server(mode), session(mode)],
};
export const daemonMemory: BenchRow = {
  name: 'memory',
  title: "memory (Pss) of an idle sandbox's daemon, Docker",
  missing: asRoot(describeMissingEngine),
  experiments: (mode) => [daemon(mode)],
};

const server = (mode: BenchMode): Experiment =>
  createLimitExperiment({
    max: serverMiB,
    unit: 'MiB',
    variant: { of: 'server' },
    rounds: rounds(mode),
    open: async () => async () => {
      await using running = await startServer({ CORRAL_DRIVER: 'process' });
      await pause(settleMs);
      return [readPssKiB(running.pid) / 1_024];
    },
  });

const session = (mode: BenchMode): Experiment =>
  createLimitExperiment({
    max: sessionKiB,
    unit: 'KiB',
    variant: { of: 'session' },
    rounds: { ...rounds(mode), warmUp: 2 },
    async open(stack) {
      const { path: dataDir } = stack.use(await createTempFolder());
      const corral = stack.use(await startProgram('corral-parts', { dataDir, store: 'normal' }, ['--expose-gc']));
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

const daemon = (mode: BenchMode): Experiment => ({
  variant: { of: 'daemon' },
  unit: 'MiB',
  better: 'lower',
  feels: 'nothing',
  subject: 'corral',
  peer: 'node-http-server',
  goals: [{ stat: 'p50', max: 1.3 }],
  rounds: rounds(mode),
  open: async (stack) => {
    const { container } = await startDockerSession(stack);
    const peer = await startBareContainer(stack, container, ['node', '-e', plain]);
    await pause(settleMs);
    const memoryOf = async (id: string) => {
      await pause(settleMs / 3);
      return [await pssInMiB(await pidsIn.docker(id))];
    };
    return {
      subject: () => memoryOf(container.Id),
      peer: () => memoryOf(peer),
    };
  },
});

const pssInMiB = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + readPssKiB(pid), 0) / 1_024;

const room = 4_096;
const sandboxOf = {
  docker: async (session: string) => (await inspectSessionContainer(session)).Id,
  process: async (session: string): Promise<string> => sandboxIdOf(SessionId.parse(session)),
};
const pidsIn = {
  docker: async (id: string) => (await listContainerProcesses(id)).map(({ pid }) => pid),
  process: async (id: string) => (await findProcessesByVariable('CORRAL_SANDBOX_ID', id)).map(({ pid }) => pid),
};

export const densityRows = (['docker', 'process'] as const).map((driver) =>
  createTimedRow({
    name: 'density',
    title: `idle sandboxes in 4 GiB, ${driver}`,
    missing: asRoot(peersByBackend[driver].missing),
    variant: { driver },
    unit: 'sandboxes',
    better: 'higher',
    feels: 'nothing',
    peer: `${peersByBackend[driver].peer}s`,
    goals: [{ stat: 'p50', min: 0.75 }],
    quickMs: 60_000,
    rounds: { min: 4, max: 4 },
    open: (stack, mode) => openDensity(stack, driver, mode === 'quick' ? 4 : 12),
  }),
);

async function openDensity(
  stack: AsyncDisposableStack,
  driver: 'docker' | 'process',
  count: number,
): Promise<ExperimentSides> {
  const place = await openBackend(stack, driver);
  const client = await startServerWithClient(stack, { ...place.settings, CORRAL_EGRESS_POLICY: 'none' });
  const start = await place.rawStart(client);
  const fitting = async (ids: readonly string[], more: number) => {
    const pids = (await Promise.all(ids.map(pidsIn[driver]))).flat();
    return [(room * count) / (pssInMiB(pids) + more)];
  };
  return {
    async subject() {
      const before = readPssKiB(client.pid);
      const sessions: string[] = [];
      for (let n = 0; n < count; n++) sessions.push(await client.started());
      await pause(settleMs);
      const more = Math.max(0, readPssKiB(client.pid) - before) / 1_024;
      const round = await fitting(await Promise.all(sessions.map(sandboxOf[driver])), more);
      await Promise.all(sessions.map((session) => client.remove(session)));
      return round;
    },
    async peer() {
      await using sandboxes = new AsyncDisposableStack();
      const ids: string[] = [];
      for (let n = 0; n < count; n++) ids.push(sandboxes.use(await start()).id);
      await pause(settleMs);
      return await fitting(ids, 0);
    },
  };
}
