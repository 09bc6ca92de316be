import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { missingEngine } from '../lib/calls/engine-api.ts';
import { type DockerSession, dockerSession } from '../lib/corral/docker-session.ts';
import { sandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  budget,
  type Experiment,
  limited,
  type Mode,
  type Pair,
  type Row,
  roundsWithin,
  type SideRound,
} from '../lib/measure/measure.ts';
import { rawOutput } from '../peers/raw-stream.ts';

// 50 MB of a command's output, from the request to the last byte at the client. The peer is the engine's own exec in the
// same container. `memory`: what the server grows by meanwhile, at its most.

const bytes = 50_000_000;
const command = `yes 'one line of output' | head -c ${bytes}`;
const budgetMiB = 20;
const lookMs = 10;

export const output: Row = {
  name: 'output',
  title: "50 MB of a command's output, and what the server grows by meanwhile, Docker",
  missing: missingEngine,
  experiments: (mode) => [throughput(mode), memory(mode)],
};

const throughput = (mode: Mode): Experiment => ({
  variant: { of: 'rate' },
  unit: 'MB/s',
  better: 'higher',
  feels: 'noise',
  subject: 'corral',
  peer: 'engine-api-exec',
  goals: [{ stat: 'p50', min: 0.5 }],
  rounds: roundsWithin(mode, 25_000),
  open: (stack) => openPair(stack, async (outputOf) => ({ samples: [bytes / 1_000 / (await outputOf())] })),
});

const memory = (mode: Mode): Experiment => ({
  ...limited(budgetMiB, 'MiB'),
  variant: { of: 'memory' },
  rounds: { warmUp: 3, min: 4, max: mode === 'quick' ? 4 : 12, capMs: 60_000 },
  open: async (stack) => ({ ...(await openPair(stack, growthOf)), ...budget(budgetMiB) }),
});

type Measure = (outputOf: () => Promise<number>, server: Pick<DockerSession, 'pid'>) => Promise<SideRound>;

async function openPair(stack: AsyncDisposableStack, measure: Measure): Promise<Pair> {
  const docker = stack.use(await dockerSession());
  const streams = stack.use(sandboxStreams(docker.url, docker.session));
  const whole = await summed((heard) => rawOutput(docker.container.Id, command, heard));
  const timed = async (run: (heard: (piece: Uint8Array) => void) => Promise<void>) => {
    const from = monotonicMs();
    const { count, crc } = await summed(run);
    const ms = monotonicMs() - from;
    if (count !== bytes || crc !== whole.crc) throw new Error(`${count} of ${bytes} bytes came, or damaged ones`);
    return ms;
  };
  return {
    subject: () => measure(() => timed((heard) => streams.output(command, heard)), docker),
    peer: () => measure(() => timed((heard) => rawOutput(docker.container.Id, command, heard)), docker),
  };
}

async function summed(run: (heard: (piece: Uint8Array) => void) => Promise<void>) {
  let [count, crc] = [0, 0];
  await run((piece) => {
    count += piece.length;
    crc = crc32(piece, crc);
  });
  return { count, crc };
}

async function growthOf(outputOf: () => Promise<number>, { pid }: Pick<DockerSession, 'pid'>): Promise<SideRound> {
  const residentMiB = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1_024;
  const before = residentMiB();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, residentMiB());
  }, lookMs);
  await outputOf().finally(() => clearInterval(timer));
  return { samples: [Math.max(0, most - before)] };
}
