import { setTimeout as pause } from 'node:timers/promises';
import { dockerSession } from '../lib/docker-session.ts';
import { missingEngine, processesIn } from '../lib/engine-api.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { pssOf } from '../lib/memory.ts';
import { bareContainer } from '../peers/bare-container.ts';

// The memory of an idle sandbox without a desktop: its init and its daemon. The peer is the plainest HTTP server on the same
// Node in an equal container. Both run at the same time, so that each has half of the pages that they share. It reads
// `/proc` of the containers' processes, which needs root.

const settleMs = 3_000;
const plain = "require('node:http').createServer((_, res) => res.end('ok')).listen('/tmp/socket')";

export const P27: Row = {
  id: 'P27',
  title: 'memory of an idle sandbox, Docker',
  missing: async () =>
    process.getuid?.() === 0 ? await missingEngine() : 'needs root, to read the memory of containers',
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  return {
    ...{ id: 'P27', variant: { of: 'Pss' }, unit: 'MiB', better: 'lower', feels: 'nothing' },
    ...{ subject: 'sandboxd', peer: 'node-http-server' },
    goals: [{ stat: 'p50', max: 1.3, level: 'anchor' }],
    rounds: { warmUp: 0, min: 4, max: mode === 'quick' ? 4 : 12, capMs: 60_000 },
    open: openPair,
  };
}

async function openPair(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { container } = stack.use(await dockerSession());
  const peer = stack.use(await bareContainer(container, ['node', '-e', plain]));
  await pause(settleMs);
  const memoryOf = async (id: string) => {
    await pause(settleMs / 3);
    const all = (await processesIn(id)).map(({ pid }) => pssOf(pid));
    return { samples: [all.reduce((sum, kibibytes) => sum + kibibytes, 0) / 1_024] };
  };
  const held = stack.move();
  return {
    subject: () => memoryOf(container.Id),
    peer: () => memoryOf(peer.id),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
