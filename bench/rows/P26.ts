import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../lib/child-process.ts';
import { type SessionClient, sessionClient } from '../lib/client.ts';
import { missingEngine } from '../lib/engine-api.ts';
import { freshFolder } from '../lib/folder.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';
import { type Footprint, openFiles } from '../lib/memory.ts';
import { startServer } from '../lib/server.ts';

// The server's cost of one more unused session. Each round adds sessions, collects garbage, and divides the process's
// growth since the warm-up by the sessions added since. Memory does not depend on the machine's speed, so the peer is
// the budget itself. A bare XState family is a second peer, for the library's share.

export const P26: Row = {
  id: 'P26',
  title: 'idle cost of a session',
  missing: nothingMissing,
  experiments: (mode) => [
    memory('hot', 64, mode),
    memory('passivated', 2, mode),
    hotFiles(mode),
    ...(mode === 'full' ? [besideXState(mode)] : []),
  ],
};
export const P26Files: Row = {
  id: 'P26',
  title: 'open files of a session with a sandbox',
  missing: missingEngine,
  experiments: () => [files()],
};

type State = 'hot' | 'passivated';
const base = { id: 'P26', better: 'lower', feels: 'nothing', subject: 'corral' } as const;
const growthOf = (state: State, mode: Mode): Growth => ({
  count: (state === 'hot' ? 250 : 500) * (mode === 'quick' ? 1 : 2),
  restMs: mode === 'quick' ? 600 : 5_000,
});

function memory(session: State, budgetKiB: number, mode: Mode): Experiment {
  return {
    ...{ ...base, variant: { session, of: 'Pss' }, unit: 'KiB', peer: `budget of ${budgetKiB} KiB` },
    goals: [{ stat: 'p50', max: 1, level: 'lead' }],
    rounds: { warmUp: 2, min: 3, max: 6, capMs: mode === 'quick' ? 15_000 : 300_000 },
    open: async () => {
      const subject = await growing('corral-idle', { state: session }, growthOf(session, mode));
      return { ...budget(budgetKiB), subject: subject.round, [Symbol.asyncDispose]: subject[Symbol.asyncDispose] };
    },
  };
}

function besideXState(mode: Mode): Experiment {
  return {
    ...{ ...base, variant: { session: 'hot', of: 'Pss', beside: 'xstate' }, unit: 'KiB', peer: 'bare-xstate-family' },
    goals: [{ stat: 'p50', max: 4.7, level: 'anchor' }], // 64 KiB, relative to the family's 13.7 KiB when this goal was set
    rounds: { warmUp: 2, min: 3, max: 6, capMs: mode === 'quick' ? 15_000 : 300_000 },
    open: async () => {
      await using stack = new AsyncDisposableStack();
      const subject = stack.use(await growing('corral-idle', { state: 'hot' }, growthOf('hot', mode)));
      const peer = stack.use(await growing('bare-actors', {}, growthOf('hot', mode)));
      const held = stack.move();
      return { subject: subject.round, peer: peer.round, [Symbol.asyncDispose]: () => held.disposeAsync() };
    },
  };
}

function hotFiles(mode: Mode): Experiment {
  return {
    ...{ ...base, variant: { session: 'hot', of: 'open files' }, unit: 'files', peer: 'budget of 2' },
    goals: [{ stat: 'p50', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 3, max: 3, capMs: mode === 'quick' ? 10_000 : 60_000 },
    open: async () => {
      const subject = await growing('corral-idle', { state: 'hot' }, growthOf('hot', mode), ({ fds }) => fds);
      return { ...budget(2), subject: subject.round, [Symbol.asyncDispose]: subject[Symbol.asyncDispose] };
    },
  };
}

/**
 * The open files of a session with a sandbox: two listening sockets, the engine's wait for its end, and its daemon's
 * connections.
 */
function files(): Experiment {
  const sessions = 2;
  const restMs = 1_500;
  return {
    ...{
      ...base,
      variant: { session: 'ready', of: 'open files', driver: 'docker' },
      unit: 'files',
      peer: 'budget of 2',
    },
    goals: [{ stat: 'p50', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 3, max: 3, capMs: 30_000 },
    open: async () => {
      await using stack = new AsyncDisposableStack();
      const server = stack.use(await startServer({ CORRAL_DRIVER: 'docker' }));
      const client = stack.use(sessionClient(server));
      const held = stack.move();
      const subject = async () => {
        const before = openFiles(server.pid);
        await addReady(client, sessions);
        await pause(restMs); // a used connection stays open for a second, for the next request
        return { samples: [(openFiles(server.pid) - before) / sessions] };
      };
      return { ...budget(2), subject, [Symbol.asyncDispose]: () => held.disposeAsync() };
    },
  };
}

async function addReady(client: SessionClient, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await client.ready(await client.create());
}

export const budget = (most: number): Pick<Pair, 'peer'> => ({ peer: async () => ({ samples: [most] }) });

interface Growth {
  readonly count: number;
  readonly restMs: number;
}

/**
 * A program in its own process that grows on request. A round's sample is the average growth for each unit added since
 * the warm-up.
 */
export async function growing(
  program: string,
  argument: object,
  growth: Growth,
  take: (now: Footprint) => number = ({ pssKiB }) => pssKiB,
): Promise<{ round: () => Promise<SideRound> } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await freshFolder());
  const child = stack.use(await startChild(program, { ...argument, dataDir }, ['--expose-gc']));
  const grow = (count: number) => child.call<Footprint>('grow', { ...growth, count });
  const warm = await grow(growth.count);
  let added = 0;
  const held = stack.move();
  return {
    async round() {
      added += growth.count;
      const now = await grow(growth.count);
      return { samples: [Math.max(0, take(now) - take(warm)) / added], rssMiB: now.pssKiB / 1024 };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
