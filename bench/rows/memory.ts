import { setTimeout as pause } from 'node:timers/promises';
import { startChild } from '../lib/calls/child-process.ts';
import { missingEngine, processesIn } from '../lib/calls/engine-api.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { dockerSession } from '../lib/corral/docker-session.ts';
import { pssOf } from '../lib/corral/memory.ts';
import { startServer } from '../lib/corral/server.ts';
import { budget, type Experiment, limited, type Missing, type Mode, type Row } from '../lib/measure/measure.ts';
import { bareContainer } from '../peers/bare-container.ts';

// Memory as Pss, a process's share of the machine's: pages that several processes share count in part. `server`: one
// without a session. `session`: one more session in memory, without a sandbox; each round adds sessions, collects garbage,
// and divides the growth since the warm-up by the sessions added since. `daemon`: the init and the daemon of an idle
// sandbox, beside the plainest HTTP server on the same Node in an equal container; both run at the same time, so that
// each has half of the pages that they share.

const settleMs = 3_000;
const serverMiB = 130;
const sessionKiB = 64;
const plain = "require('node:http').createServer((_, res) => res.end('ok')).listen('/tmp/socket')";
export const missingRoot: Missing = async () =>
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

const server = (mode: Mode): Experiment => ({
  ...limited(serverMiB, 'MiB'),
  variant: { of: 'server' },
  rounds: rounds(mode),
  open: async () => ({
    ...budget(serverMiB),
    async subject() {
      await using running = await startServer({ CORRAL_DRIVER: 'process' });
      await pause(settleMs);
      return { samples: [pssOf(running.pid) / 1_024] };
    },
  }),
});

const session = (mode: Mode): Experiment => ({
  ...limited(sessionKiB, 'KiB'),
  variant: { of: 'session' },
  rounds: { ...rounds(mode), warmUp: 2 },
  open: async (stack) => {
    const { path: dataDir } = stack.use(await freshFolder());
    const corral = stack.use(await startChild('corral-parts', { dataDir, store: 'normal' }, ['--expose-gc']));
    const count = mode === 'quick' ? 250 : 500;
    const grow = () => corral.call<number>('grow', { count, restMs: mode === 'quick' ? 600 : 5_000 });
    const warm = await grow();
    let added = 0;
    return {
      ...budget(sessionKiB),
      async subject() {
        added += count;
        return { samples: [Math.max(0, (await grow()) - warm) / added] };
      },
    };
  },
});

const daemon = (mode: Mode): Experiment => ({
  ...limited(0, 'MiB'),
  variant: { of: 'daemon' },
  peer: 'node-http-server',
  goals: [{ stat: 'p50', max: 1.3 }],
  rounds: rounds(mode),
  open: async (stack) => {
    const { container } = stack.use(await dockerSession());
    const peer = stack.use(await bareContainer(container, ['node', '-e', plain]));
    await pause(settleMs);
    const memoryOf = async (id: string) => {
      await pause(settleMs / 3);
      return { samples: [await pssInMiB(id)] };
    };
    return {
      subject: () => memoryOf(container.Id),
      peer: () => memoryOf(peer.id),
    };
  },
});

/** The memory of a container's processes together. */
export async function pssInMiB(container: string): Promise<number> {
  const all = (await processesIn(container)).map(({ pid }) => pssOf(pid));
  return all.reduce((sum, kibibytes) => sum + kibibytes, 0) / 1_024;
}
