import { commandsIn, containerOf, missingEngine, watchRemovals } from '../lib/calls/engine-api.ts';
import { timedPost } from '../lib/calls/exchange.ts';
import { sessionClient } from '../lib/corral/client.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { type Pair, type Row, roundsWithin, type SideRound, timed } from '../lib/measure/measure.ts';
import { endRaw, startRaw } from '../peers/raw-container.ts';
import { rawDetached } from '../peers/raw-exec.ts';

// Ending things on Docker. `delete`: from the DELETE of a session until the engine reports its container gone. `stop`:
// from the POST to the answer, which promises that every process of the run has ended. A child ignores TERM, so the two
// seconds of its grace period are subtracted. The peer kills and removes an equal container, and nothing may be left.

const graceMs = 2_000;
const mark = 'sleep 98765';
const stubborn = `trap '' TERM; ${mark}; true`;

export const stop: Row = {
  name: 'stop',
  title: 'a stop until nothing of the run runs, Docker',
  missing: missingEngine,
  experiments: (mode) => [
    {
      ...common,
      variant: { child: 'ignores TERM' },
      goals: [{ stat: 'p50', max: 1.3, grace: graceMs }],
      rounds: { ...roundsWithin(mode, 20_000), warmUp: 0, min: 4 },
      open: (stack) => openPair(stack, true),
    },
  ],
};
export const deletion: Row = {
  name: 'delete',
  title: 'a deletion until nothing is left, Docker',
  missing: missingEngine,
  experiments: (mode) => [
    {
      ...common,
      variant: {},
      goals: [{ stat: 'p50', max: 1.3 }],
      rounds: roundsWithin(mode, 12_000),
      open: (stack) => openPair(stack, false),
    },
  ],
};
const common = { ...timed, peer: 'engine-api-kill-remove' };

async function openPair(stack: AsyncDisposableStack, stops: boolean): Promise<Pair> {
  const server = stack.use(await startServer({ CORRAL_DRIVER: 'docker' }));
  const client = stack.use(sessionClient(server));
  const removals = stack.use(await watchRemovals());
  const ready = async () => {
    const session = await client.started();
    return { session, container: await containerOf(session) };
  };
  const { session: first, container: likeness } = await ready();
  await client.remove(first);

  async function deleted(): Promise<SideRound> {
    const { session, container } = await ready();
    const gone = removals.gone(container.Id);
    const from = monotonicMs();
    const removed = client.remove(session);
    const ms = (await gone) - from;
    await removed;
    return { samples: [ms] };
  }

  async function stopped(): Promise<SideRound> {
    const { session, container } = await ready();
    const chat = timedPost(`${client.urlOf(session)}/chat`, { message: `Hold on\n\`\`\`sh\n${stubborn}\n\`\`\`` });
    await runs(container.Id, true);
    const from = monotonicMs();
    await timedPost(`${client.urlOf(session)}/stop`, {});
    const ms = monotonicMs() - from;
    const left = (await commandsIn(container.Id)).filter((command) => command.includes(mark)).length;
    await chat;
    await client.remove(session);
    return { samples: [ms], correct: { expected: 1, received: 1 - left, lost: left, duplicated: 0, reordered: 0 } };
  }

  async function peer(): Promise<SideRound> {
    await using container = await startRaw(likeness, 'command');
    if (stops) {
      await rawDetached(container.id, stubborn);
      await runs(container.id, true);
    }
    const gone = removals.gone(container.id);
    const from = monotonicMs();
    await endRaw(container.id);
    return { samples: [(await gone) - from] };
  }

  return { subject: stops ? stopped : deleted, peer };
}

async function runs(container: string, wanted: boolean): Promise<void> {
  const deadline = monotonicMs() + 20_000;
  while ((await commandsIn(container)).some((command) => command.includes(mark)) !== wanted) {
    if (monotonicMs() > deadline) throw new Error('the command did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
