import { expect, test } from 'vitest';
import { type Experiment, limited, type SideRound } from '../../../bench/lib/measure/measure.ts';
import { type Instruments, type Measurement, measure as measureRounds } from '../../../bench/lib/measure/rounds.ts';
import { seeded } from '../../../bench/lib/measure/statistics.ts';

interface Fake {
  readonly subject?: (round: number) => SideRound;
  readonly peer?: (round: number) => SideRound;
  readonly goal?: Experiment['goals'][number];
  readonly rounds?: Partial<Experiment['rounds']>;
}
const always = (value: number) => () => ({ samples: [value] });
const right = { expected: 10, received: 10, lost: 0, duplicated: 0, reordered: 0 };

function fake({ subject = always(2), peer = always(2), goal, rounds }: Fake) {
  const order: string[] = [];
  const counts = { subject: 0, peer: 0 };
  const side = (name: 'subject' | 'peer', of: (round: number) => SideRound) => async () => {
    order.push(name === 'subject' ? 'A' : 'B');
    return of(counts[name]++);
  };
  const experiment: Experiment = {
    variant: {},
    unit: 'ms',
    better: 'lower',
    subject: 'ours',
    peer: 'raw',
    feels: 'noise',
    goals: [goal ?? { stat: 'p50', max: 1.5 }],
    rounds: { warmUp: 0, min: 4, max: 8, capMs: 1_000_000, ...rounds },
    open: async (stack) => {
      stack.defer(() => void order.push('closed'));
      return { subject: side('subject', subject), peer: side('peer', peer) };
    },
  };
  return { experiment, order };
}

function instruments(over: Partial<Instruments> = {}): Instruments {
  let now = 0;
  return {
    now: () => (now += 1_000),
    feel: () => 10,
    random: seeded(1),
    signal: new AbortController().signal,
    ...over,
  };
}

async function measure(experiment: Experiment, given: Instruments): Promise<Measurement> {
  const measured = await measureRounds(experiment, given);
  if (!measured) throw new Error('there were no rounds');
  return measured;
}

test('the sides take turns to go first, warm-up rounds do not count, and both sides are closed', async () => {
  const { experiment, order } = fake({ subject: (n) => ({ samples: [n < 2 ? 100 : 2] }), rounds: { warmUp: 2 } });
  const { outcomes } = await measure(experiment, instruments());
  expect(order.join('')).toBe(`ABBA${'ABBA'.repeat(2)}closed`);
  expect(outcomes[0]).toMatchObject({ verdict: 'pass', ratio: { median: 1, ci95: [1, 1], rounds: 4, voided: 0 } });
});

test('an undecided goal gets more rounds, up to the most there may be', async () => {
  const { experiment, order } = fake({ subject: (n) => ({ samples: [n % 2 === 0 ? 2 : 4] }) });
  const { outcomes } = await measure(experiment, instruments());
  expect(order.filter((it) => it === 'A')).toHaveLength(8);
  expect(outcomes[0]?.verdict).toBe('unclear');
});

test('the cap on time ends it before, once there are as many rounds as an interval needs', async () => {
  const { experiment, order } = fake({
    subject: (n) => ({ samples: [n % 2 === 0 ? 2 : 4] }),
    rounds: { capMs: 3_500 },
  });
  await measure(experiment, instruments());
  expect(order.filter((it) => it === 'A')).toHaveLength(4);
});

test('an abort ends it after the round under way', async () => {
  const stop = new AbortController();
  const { experiment, order } = fake({
    subject: (n) => {
      if (n === 1) stop.abort();
      return { samples: [1] };
    },
  });
  await measure(experiment, instruments({ signal: stop.signal }));
  expect(order.join('')).toBe('ABBAclosed');
});

test('the ratio is taken per round, so that drift of the machine falls out', async () => {
  const drifting = (factor: number) => (n: number) => ({ samples: [factor * 2 ** n] });
  const { experiment } = fake({
    subject: drifting(3),
    peer: drifting(2),
    goal: { stat: 'p50', max: 2 },
  });
  const { outcomes } = await measure(experiment, instruments());
  expect(outcomes[0]?.ratio).toMatchObject({ median: 1.5, ci95: [1.5, 1.5] });
});

test('rounds in which the machine changed its pace are void, and many of them make the result noisy', async () => {
  const readings = [10, 10, 14, 10, 14, 10, 14, 10, 14];
  const { experiment } = fake({ subject: always(9) });
  const { outcomes } = await measure(experiment, instruments({ feel: () => readings.shift() ?? 10 }));
  const expected = { verdict: 'noisy', reason: 'the machine changed its pace', ratio: { rounds: 1, voided: 7 } };
  expect(outcomes[0]).toMatchObject(expected);
});

test.each([
  ['the generator was busy', { cpuShare: 0.9, loopP99Ms: 0 }],
  ['the generator was late', { cpuShare: 0.1, loopP99Ms: 5 }],
])('a round is void where %s', async (reason, generator) => {
  const { experiment } = fake({ peer: () => ({ samples: [4], generator }), rounds: { max: 4 } });
  const { outcomes } = await measure(experiment, instruments());
  expect(outcomes[0]).toMatchObject({ verdict: 'noisy', reason, ratio: { voided: 4 } });
});

test('one lost event fails the whole metric at once, whatever the ratio', async () => {
  const { experiment, order } = fake({
    subject: (n) => ({ samples: [1], correct: n === 1 ? { ...right, received: 9, lost: 1 } : right }),
  });
  const { outcomes, correct } = await measure(experiment, instruments());
  expect(order.filter((it) => it === 'A')).toHaveLength(2);
  expect(correct).toMatchObject({ expected: 20, received: 19, lost: 1 });
  expect(outcomes[0]).toMatchObject({ verdict: 'fail', reason: 'a bug: 1 lost, 0 doubled, 0 out of order' });
});

test('a side that used nothing counts as the floor of a limit, so a ratio has an end', async () => {
  const { goals, ...rest } = limited({
    max: 20,
    unit: 'MiB',
    variant: {},
    rounds: { warmUp: 0, min: 4, max: 4, capMs: 1_000_000 },
    open: async () => async () => [0],
  });
  const open: Experiment['open'] = async () => ({ subject: async () => [0], peer: async () => [0] });
  const both = await measure({ ...rest, goals, open }, instruments());
  expect(both.outcomes[0]).toMatchObject({ verdict: 'pass', ratio: { median: 1, ci95: [1, 1] } });
  const grown: Experiment['open'] = async () => ({ subject: async () => [1], peer: async () => [0] });
  const { outcomes } = await measure({ ...rest, goals, open: grown }, instruments());
  expect(outcomes[0]).toMatchObject({ verdict: 'fail', ratio: { median: 5 } });
});
