import { crc32 } from 'node:zlib';
import { describeMissingEngine } from '../lib/calls/engine-api.ts';
import { startDockerSession } from '../lib/corral/client.ts';
import { readResidentMiB } from '../lib/corral/process-usage.ts';
import { openSandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  createLimitExperiment,
  createRateDefaults,
  type Experiment,
} from '../lib/measure/measure.ts';
import { streamRawOutput } from '../peers/raw-exec.ts';

// 50 MB of a command's output, from the request to the last byte at the client. The peer is the engine's own exec in
// the same container. `memory`: the server's peak growth during the output.

export const outputBytes = 50_000_000;
export const outputCommand = `yes 'one line of output' | head -c ${outputBytes}`;
const budgetMiB = 20;
const lookMs = 10;

export const output: BenchRow = {
  name: 'output',
  title: "50 MB of a command's output, and what the server grows by meanwhile, Docker",
  missing: describeMissingEngine,
  experiments: (mode) => [throughput(mode), memory(mode)],
};

const throughput = (mode: BenchMode): Experiment => ({
  variant: { of: 'rate' },
  ...createRateDefaults('MB/s'),
  peer: 'engine-api-exec',
  goals: [{ stat: 'p50', min: 0.5 }],
  rounds: computeRoundLimits(mode, 25_000),
  async open(stack) {
    const { ofCorral, ofEngine } = await openOutputs(stack);
    const rate = (ms: number) => [outputBytes / 1_000 / ms];
    return { subject: async () => rate(await ofCorral()), peer: async () => rate(await ofEngine()) };
  },
});

const memory = (mode: BenchMode): Experiment =>
  createLimitExperiment({
    max: budgetMiB,
    unit: 'MiB',
    variant: { of: 'memory' },
    rounds: { warmUp: 3, min: 4, max: mode === 'quick' ? 4 : 12, capMs: 60_000 },
    async open(stack) {
      const { ofCorral, pid } = await openOutputs(stack);
      return async () => [await growthDuring(ofCorral, pid)];
    },
  });

async function openOutputs(stack: AsyncDisposableStack) {
  const { url, pid, session, container } = await startDockerSession(stack);
  const streams = stack.use(openSandboxStreams(url, session));
  const whole = await summed((listener) => streamRawOutput(container.Id, outputCommand, listener));
  const timed = async (run: (listener: (piece: Uint8Array) => void) => Promise<void>) => {
    const from = monotonicMs();
    const { count, crc } = await summed(run);
    const ms = monotonicMs() - from;
    if (count !== outputBytes || crc !== whole.crc)
      throw new Error(`${count} of ${outputBytes} bytes came, or damaged ones`);
    return ms;
  };
  return {
    pid,
    ofCorral: () => timed((listener) => streams.output(outputCommand, listener)),
    ofEngine: () => timed((listener) => streamRawOutput(container.Id, outputCommand, listener)),
  };
}

async function summed(run: (listener: (piece: Uint8Array) => void) => Promise<void>) {
  let [count, crc] = [0, 0];
  await run((piece) => {
    count += piece.length;
    crc = crc32(piece, crc);
  });
  return { count, crc };
}

async function growthDuring(work: () => Promise<unknown>, pid: number): Promise<number> {
  const before = readResidentMiB(pid);
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, readResidentMiB(pid));
  }, lookMs);
  await work().finally(() => clearInterval(timer));
  return Math.max(0, most - before);
}
