import { setTimeout as pause } from 'node:timers/promises';
import { startProgram } from '../lib/calls/child-process.ts';
import { EventReader } from '../lib/calls/event-reader.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { createRateDefaults, createTimedRow, type ExperimentSides, type RoundResult } from '../lib/measure/measure.ts';

// A client that missed 10,000 events: from its request, which names its last event, until it has the newest. The peer
// reads the same rows with one SELECT and writes them to the response.

const missed = 10_000;
const bytes = 300;
const before = 10;
const arrivalMs = 30_000;

export const resumeRow = createTimedRow({
  ...createRateDefaults('events/s'),
  name: 'resume',
  title: 'a reader that comes back after 10,000 missed events',
  peer: 'select-and-write',
  goals: [{ stat: 'p50', min: 0.4 }],
  quickMs: 12_000,
  rounds: { warmUp: 3 },
  open: openPair,
});

async function openPair(stack: AsyncDisposableStack): Promise<ExperimentSides> {
  const side = async (program: string, last: number) => {
    const { path: dataDir } = stack.use(await createTempFolder());
    const child = stack.use(await startProgram(program, { dataDir, store: 'normal' }));
    const url = await child.call<string>('listen');
    await child.call('emit', { first: 1, count: before, bytes });
    const crc = await child.call<number>('emit', { first: before + 1, count: missed, bytes });
    return async (): Promise<RoundResult> => {
      const from = monotonicMs();
      using reader = await EventReader.open(url, 'sse', last);
      while (reader.last < before + missed && monotonicMs() - from < arrivalMs) await pause(1);
      return { samples: [(missed * 1_000) / (reader.heardAt - from)], correct: reader.correct({ count: missed, crc }) };
    };
  };
  const subject = await side('corral-parts', before + 1); // its first event is the session's creation
  const peer = await side('raw-sse', before);
  return { subject, peer };
}
