import {
  type DeliveryCounts,
  type Experiment,
  type ExperimentSides,
  hasDeliveryErrors,
  type RatioGoal,
  type RoundResult,
  type RoundRunner,
  sumDeliveryCounts,
} from './measure.ts';
import { bootstrapInterval, median, type Random, type SampleSummary, summarize } from './statistics.ts';
import { computeVerdict, judgeInterval, type Verdict } from './verdict.ts';

export interface Instruments {
  now(): number;
  /** Duration of the noise sensor's fixed work, in ms. */
  feel(): number;
  readonly random: Random;
  readonly signal: AbortSignal;
}
export interface GoalOutcome {
  readonly goal: RatioGoal;
  readonly ratio: { median: number; ci95: [number, number]; rounds: number; voided: number };
  readonly verdict: Verdict;
  readonly reason: string;
}
export interface ExperimentResult {
  readonly subject: SampleSummary;
  readonly peer: SampleSummary;
  readonly outcomes: readonly GoalOutcome[];
  readonly correct: DeliveryCounts;
}
interface Round {
  readonly subject: RoundResult;
  readonly peer: RoundResult;
  readonly voidedBy: string | undefined;
}

const restless = 0.15;
const busy = 0.8;
const lateShare = 0.2;
const fewest = 4; // the interval of only three values is just their range
/** The factor by which a row can exceed its time limit on a slow machine before it stops with too few rounds. */
const patience = 2;
const neededOf = ({ rounds }: Experiment) => Math.min(rounds.min, fewest);
/** The loop's delay is measured with a 1 ms timer, so smaller delays cannot be detected. */
const lateFloorMs = 2;

/**
 * Runs pairs of rounds in the order A B B A until every goal is decided or a limit of rounds or time is reached.
 * Undefined: interrupted.
 */
export async function runExperiment(
  experiment: Experiment,
  instruments: Instruments,
): Promise<ExperimentResult | undefined> {
  const { rounds, feels } = experiment;
  const { now, feel, signal } = instruments;
  const began = now();
  const taken: Round[] = [];
  await using stack = new AsyncDisposableStack();
  const pair = await experiment.open(stack);
  for (let n = 0; n < rounds.warmUp && !signal.aborted; n++) await both(pair, n);
  let before = feels === 'noise' ? feel() : 0;
  for (let n = 0; n < rounds.max && !signal.aborted; n++) {
    const sides = await both(pair, n);
    const after = feels === 'noise' ? feel() : 0;
    taken.push({ ...sides, voidedBy: voidedBy(sides, before, after) });
    before = after;
    if (taken.some(({ subject }) => subject.correct && hasDeliveryErrors(subject.correct))) break;
    if (now() - began > rounds.capMs * (taken.length < neededOf(experiment) ? patience : 1)) break;
    const valid = taken.filter(({ voidedBy }) => voidedBy === undefined);
    if (
      valid.length >= rounds.min &&
      experiment.goals.every((goal) => isDecided(valid, goal, experiment, instruments.random))
    )
      break;
  }
  return taken.length > 0 ? conclude(experiment, taken, instruments.random) : undefined;
}

/** Alternates which side runs first, so that a drift of the machine affects both equally. */
async function both(pair: ExperimentSides, n: number): Promise<{ subject: RoundResult; peer: RoundResult }> {
  const early = n % 2 === 0 ? undefined : await roundOf(pair.peer);
  const subject = await roundOf(pair.subject);
  return { subject, peer: early ?? (await roundOf(pair.peer)) };
}

async function roundOf(side: RoundRunner): Promise<RoundResult> {
  const round = await side();
  return 'samples' in round ? round : { samples: round };
}

function voidedBy(
  sides: { subject: RoundResult; peer: RoundResult },
  before: number,
  after: number,
): string | undefined {
  if (before > 0 && Math.abs(after - before) / before > restless) return 'the machine changed its pace';
  for (const { generator, samples } of [sides.subject, sides.peer]) {
    if (!generator) continue;
    if (generator.cpuShare > busy) return 'the generator was busy';
    if (generator.loopP99Ms > Math.max(lateFloorMs, lateShare * median(samples))) return 'the generator was late';
  }
  return undefined;
}

const ratiosOf = (rounds: readonly Round[], { stat, grace = 0 }: RatioGoal, floor = 0) =>
  rounds.map(
    ({ subject, peer }) =>
      Math.max(floor, summarize(subject.samples)[stat] - grace) / Math.max(floor, summarize(peer.samples)[stat]),
  );

const isDecided = (rounds: readonly Round[], goal: RatioGoal, { floor }: Experiment, random: Random) =>
  judgeInterval(bootstrapInterval(ratiosOf(rounds, goal, floor), random), goal) !== 'unclear';

function conclude(experiment: Experiment, taken: readonly Round[], random: Random): ExperimentResult {
  const valid = taken.filter(({ voidedBy }) => voidedBy === undefined);
  const voided = taken.length - valid.length;
  const needed = neededOf(experiment);
  // If no round is valid, the numbers are shown anyway; the verdict qualifies them.
  const shown = valid.length > 0 ? valid : taken;
  const correct = sumDeliveryCounts(taken.flatMap(({ subject }) => subject.correct ?? []));
  const outcomes = experiment.goals.map((goal): GoalOutcome => {
    const ratios = ratiosOf(shown, goal, experiment.floor);
    const ci95 = bootstrapInterval(ratios, random);
    const ratio = { median: median(ratios), ci95, rounds: valid.length, voided };
    if (hasDeliveryErrors(correct)) return { goal, ratio, verdict: 'fail', reason: `a bug: ${report(correct)}` };
    const verdict = computeVerdict(ci95, goal, { valid: valid.length, voided, needed });
    return {
      goal,
      ratio,
      verdict,
      reason: verdict === 'noisy' ? whyVoid(taken) : valid.length < needed ? 'too few rounds in the time' : '',
    };
  });
  const side = (name: 'subject' | 'peer') => summarize(shown.flatMap((round) => round[name].samples));
  return { subject: side('subject'), peer: side('peer'), outcomes, correct };
}

const report = ({ lost, duplicated, reordered }: DeliveryCounts) =>
  `${lost} lost, ${duplicated} doubled, ${reordered} out of order`;

function whyVoid(taken: readonly Round[]): string {
  const reasons = new Set(taken.flatMap(({ voidedBy }) => voidedBy ?? []));
  return [...reasons].join('; ');
}
