import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describeMissingEngine } from '../lib/calls/engine-api.ts';
import { startDockerSession } from '../lib/corral/client.ts';
import { openSandboxStreams } from '../lib/corral/sandbox-streams.ts';
import { measureSamples } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  type Experiment,
  type ExperimentSides,
  timeDefaults,
} from '../lib/measure/measure.ts';
import { readRawFile, writeRawFile } from '../peers/raw-archive.ts';

// One client writes and reads a sandbox file over HTTP. The peer is the engine's archive API, as `docker cp` uses it.
// All content that is read is compared with what was written.

const sizes = { '1 KB': 1_000, '100 MB': 100_000_000 } as const;
/** A small file measures a round trip; a large one measures throughput, as time. */
const most: Readonly<Record<Size, number>> = { '1 KB': 0.2, '100 MB': 1.4 };
type Size = keyof typeof sizes;
type Act = 'write' | 'read';

export const files: BenchRow = {
  name: 'files',
  title: 'files of 1 KB and 100 MB, up and down, Docker',
  missing: describeMissingEngine,
  experiments: (mode) =>
    (Object.keys(sizes) as Size[]).flatMap((size) =>
      (['write', 'read'] as const).map((act) => experiment(act, size, mode)),
    ),
};

const experiment = (act: Act, size: Size, mode: BenchMode): Experiment => ({
  ...timeDefaults,
  variant: { act, size },
  peer: 'engine-api-archive',
  goals: [{ stat: 'p50', max: most[size] }],
  rounds: computeRoundLimits(mode, size === '1 KB' ? 8_000 : 20_000),
  open: (stack) => openPair(stack, act, sizes[size]),
});

async function openPair(stack: AsyncDisposableStack, act: Act, size: number): Promise<ExperimentSides> {
  const { url, session, container } = await startDockerSession(stack);
  const streams = stack.use(openSandboxStreams(url, session));
  const times = size < 10_000_000 ? 10 : 1;
  const content = randomBytes(size);
  const crc = crc32(content);
  const inside = '/workspace/of-the-engine.bin';
  await streams.write('of-corral.bin', content);
  await writeRawFile(container.Id, inside, content);
  const whole = async (read: (listener: (bytes: Buffer) => void) => Promise<void>) => {
    let sum = 0;
    await read((bytes) => {
      sum = crc32(bytes, sum);
    });
    if (sum !== crc) throw new Error('the file that came back is another one');
  };
  const sides = {
    write: [() => streams.write('of-corral.bin', content), () => writeRawFile(container.Id, inside, content)],
    read: [
      () => whole((listener) => streams.read('of-corral.bin', listener)),
      () => whole((listener) => readRawFile(container.Id, inside, listener)),
    ],
  } as const;
  const [ofCorral, ofEngine] = sides[act];
  return { subject: () => measureSamples(times, ofCorral), peer: () => measureSamples(times, ofEngine) };
}
