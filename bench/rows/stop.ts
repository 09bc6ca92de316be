import {
  describeMissingEngine,
  inspectSessionContainer,
  listContainerProcesses,
  waitUntilRemoved,
} from '../lib/calls/engine-api.ts';
import { waitUntil } from '../lib/calls/until.ts';
import { inspectSampleContainer, startServerWithClient } from '../lib/corral/client.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { createTimedRow, type ExperimentSides, type RoundResult, toDeliveryCounts } from '../lib/measure/measure.ts';
import { removeRawContainer, startRawContainer } from '../peers/raw-container.ts';
import { startDetachedExec } from '../peers/raw-exec.ts';

// Deleting and stopping on Docker. `delete`: from the DELETE of a session until the engine reports its container gone.
// `stop`: from the POST to the answer, which promises that every process of the run has ended; a child ignores TERM, so
// its grace period of two seconds is subtracted. The peer kills and removes an equal container. Nothing may be left
// over.

const graceMs = 2_000;
const mark = 'sleep 98765';
const stubborn = `trap '' TERM; ${mark}; true`;

const common = { missing: describeMissingEngine, peer: 'engine-api-kill-remove' };
export const stopRow = createTimedRow({
  ...common,
  name: 'stop',
  title: 'a stop until nothing of the run runs, Docker',
  variant: { child: 'ignores TERM' },
  goals: [{ stat: 'p50', max: 1.3, grace: graceMs }],
  quickMs: 20_000,
  rounds: { warmUp: 0, min: 4 },
  open: (stack) => openPair(stack, true),
});
export const deletion = createTimedRow({
  ...common,
  name: 'delete',
  title: 'a deletion until nothing is left, Docker',
  max: 1.3,
  quickMs: 12_000,
  open: (stack) => openPair(stack, false),
});

async function openPair(stack: AsyncDisposableStack, stops: boolean): Promise<ExperimentSides> {
  const client = await startServerWithClient(stack, { CORRAL_DRIVER: 'docker' });
  const ready = async () => {
    const session = await client.started();
    return { session, container: await inspectSessionContainer(session) };
  };
  const likeness = await inspectSampleContainer(client);

  async function deleted() {
    const { session, container } = await ready();
    const gone = waitUntilRemoved(container.Id);
    const from = monotonicMs();
    const removed = client.remove(session);
    const ms = (await gone) - from;
    await removed;
    return [ms];
  }

  async function stopped(): Promise<RoundResult> {
    const { session, container } = await ready();
    const chat = client.chat(session, `Hold on\n\`\`\`sh\n${stubborn}\n\`\`\``);
    await waitUntil(() => isRunning(container.Id), 'the command ran');
    const { ms } = await client.calls.ask(`/api/v1/sessions/${session}/stop`, {});
    const left = (await isRunning(container.Id)) ? 1 : 0;
    await chat;
    await client.remove(session);
    return { samples: [ms], correct: toDeliveryCounts(1, 1 - left) };
  }

  async function peer() {
    await using container = await startRawContainer(likeness, 'command');
    if (stops) {
      await startDetachedExec(container.id, stubborn);
      await waitUntil(() => isRunning(container.id), 'the command ran');
    }
    const gone = waitUntilRemoved(container.id);
    const from = monotonicMs();
    await removeRawContainer(container.id);
    return [(await gone) - from];
  }

  return { subject: stops ? stopped : deleted, peer };
}

const isRunning = async (container: string): Promise<boolean> =>
  (await listContainerProcesses(container)).some(({ command }) => command.includes(mark));
