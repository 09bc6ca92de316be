import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { dockerSession } from '../lib/docker-session.ts';
import { missingEngine } from '../lib/engine-api.ts';
import type { Experiment, Goal, Mode, Pair, Row } from '../lib/measure.ts';
import { sandboxStreams } from '../lib/sandbox-streams.ts';
import { timedSamples } from '../lib/timed-samples.ts';
import { rawRead, rawWrite } from '../peers/raw-archive.ts';

// A file of a sandbox, written and read over HTTP by one client. The peer is the engine's archive API, as `docker cp` uses
// it. Each content that is read is compared with the one that was written.

const sizes = { '1 KB': 1_000, '1 MB': 1_000_000, '100 MB': 100_000_000 } as const;
type Size = keyof typeof sizes;
type Act = 'write' | 'read';

export const P23: Row = {
  id: 'P23',
  title: 'files of 1 KB, 1 MB and 100 MB, Docker',
  missing: missingEngine,
  experiments: (mode) =>
    (Object.keys(sizes) as Size[]).flatMap((size) =>
      (['write', 'read'] as const).map((act) => experiment(act, size, mode)),
    ),
};

/** A small file is a round trip; a large one is a stream, whose time is the inverse of its speed. */
const goals: Readonly<Record<Size, Goal>> = {
  '1 KB': { stat: 'p50', max: 0.2, level: 'lead' },
  '1 MB': { stat: 'p50', max: 1, level: 'lead' },
  '100 MB': { stat: 'p50', max: 1.43, level: 'anchor' },
};

function experiment(act: Act, size: Size, mode: Mode): Experiment {
  const quick = mode === 'quick';
  const isLarge = size === '100 MB';
  return {
    ...{ id: 'P23', variant: { act, size }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'engine-api-archive' },
    goals: [goals[size]],
    rounds: { warmUp: 1, min: quick ? 4 : 8, max: quick ? 8 : 40, capMs: quick ? (isLarge ? 20_000 : 8_000) : 120_000 },
    open: () => openPair(act, sizes[size]),
  };
}

async function openPair(act: Act, size: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { url, session, container } = stack.use(await dockerSession());
  const streams = stack.use(sandboxStreams(url, session));
  const times = size < 10_000_000 ? 10 : 1;
  const content = randomBytes(size);
  const crc = crc32(content);
  const inside = '/workspace/of-the-engine.bin';
  await streams.write('of-corral.bin', content);
  await rawWrite(container.Id, inside, content);
  const timed = (work: () => Promise<unknown>) => timedSamples(times, work);
  const whole = async (read: (heard: (bytes: Buffer) => void) => Promise<void>) => {
    let sum = 0;
    await read((bytes) => {
      sum = crc32(bytes, sum);
    });
    if (sum !== crc) throw new Error('the file that came back is another one');
  };
  const acts = {
    write: [() => streams.write('of-corral.bin', content), () => rawWrite(container.Id, inside, content)],
    read: [
      () => whole((heard) => streams.read('of-corral.bin', heard)),
      () => whole((heard) => rawRead(container.Id, inside, heard)),
    ],
  } as const;
  const [subject, peer] = acts[act];
  const held = stack.move();
  return {
    subject: () => timed(subject),
    peer: () => timed(peer),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
