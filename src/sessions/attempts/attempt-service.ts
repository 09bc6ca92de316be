import { poll } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { Attempt, AttemptResult, AttemptSet } from '../../core/model/runs/attempts.ts';
import type {
  AttemptService,
  AttemptSetView,
  AttemptState,
  AttemptView,
  StartAttemptsCommand,
} from '../api/server/attempts.ts';
import type { SessionService } from '../api/sessions.ts';
import type { ChildBudgets } from '../budgets/children.ts';
import { ignoreChildNotFound } from '../delegation/child-starts.ts';
import { type AttemptRecords, deriveAttemptSessionId } from './attempt-records.ts';

interface Deps {
  readonly records: AttemptRecords;
  readonly sessions: Pick<SessionService, 'get' | 'activeRun'>;
  readonly events: Pick<Store['events'], 'findLastSeq'>;
  readonly spentWithChildren: ChildBudgets['spentWithChildren'];
  readonly hasTemplate: (name: string) => boolean;
  readonly checkModel: (ref: string) => Promise<void>;
  readonly wake: () => void;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short'>;
}
const lookMs = 100;
const maxDepth = 2;

export function createAttemptService(deps: Deps): AttemptService {
  const { records, sessions, events, spentWithChildren, wake, clock, ids } = deps;

  async function checkAttempts({ attempts }: StartAttemptsCommand): Promise<void> {
    for (const { template, model } of attempts) {
      if (template !== undefined && !deps.hasTemplate(template))
        throw new AppError('invalid_request', `There is no template ${JSON.stringify(template)}.`);
      if (model !== undefined) await deps.checkModel(model);
    }
  }
  async function beginningFor(id: SessionId, begins: StartAttemptsCommand['begins']): Promise<AttemptSet['begins']> {
    const isForkable = (await events.findLastSeq(id, 'run.end')) > 0;
    if (begins === 'fork' && !isForkable)
      throw new AppError('conflict', 'No run of this session has ended yet, so it cannot be forked. Use copy or none.');
    return begins ?? (isForkable ? 'fork' : 'copy');
  }
  async function refuseActive(id: SessionId): Promise<void> {
    if (await sessions.activeRun(id))
      throw new AppError('conflict', 'A run of the session is in progress. Wait until it ends, or stop it first.');
  }

  async function readView(set: AttemptSet): Promise<AttemptSetView> {
    const attempts = await Promise.all(set.attempts.map((one) => attemptView(one)));
    return { ...set, attempts, best: findBest(set.attempts) };
  }
  async function attemptView({ phase, isDeleted, ...attempt }: Attempt): Promise<AttemptView> {
    const { result, sessionId } = attempt;
    const session = phase === 'planned' ? undefined : await sessions.get(sessionId).catch(ignoreChildNotFound);
    const isGone = isDeleted || session === undefined;
    const used =
      result ?? (session ? await spentWithChildren(sessionId).catch(ignoreChildNotFound) : undefined) ?? nothing;
    const { turns, tokens, cost } = used;
    return { ...attempt, state: stateOf({ phase, result }, session), isGone, turns, tokens, cost };
  }

  async function untilChosen(id: SessionId, attempts: string, signal: AbortSignal): Promise<AttemptSet> {
    const look = async () => {
      const { set } = await records.the(id, attempts);
      return set.phase === 'choosing' ? undefined : set;
    };
    return await poll(look, { everyMs: lookMs, clock }, signal);
  }

  return {
    async start(id, command) {
      const session = await sessions.get(id);
      if ((session.parent?.depth ?? 0) >= maxDepth)
        throw new AppError('conflict', 'A child of a child cannot have attempts.');
      await checkAttempts(command);
      await refuseActive(id);
      const begins = await beginningFor(id, command.begins);
      const { task, goal = null, budget = {}, attempts: requested } = command;
      const set: AttemptSet = {
        ...{ id: ids.short(), sessionId: id, task, goal, begins, budget, at: clock.now() },
        ...{ phase: 'running', isStopped: false, chosen: null, others: 'keep', error: null },
        attempts: [],
      };
      const attempts = requested.map(({ template = null, model = null }, at): Attempt => {
        const n = at + 1;
        const begun = { phase: 'planned', error: null, result: null, isDeleted: false } as const;
        return { n, sessionId: deriveAttemptSessionId(set.id, n), template, model, ...begun };
      });
      await records.open({ sessionId: id, attempts: set.id, count: attempts.length, at: set.at });
      await failpoint('attempts.opened');
      await records.put({ ...set, attempts }, 0);
      await failpoint('attempts.stored');
      wake();
      return await readView({ ...set, attempts });
    },
    async list(id) {
      await sessions.get(id);
      return await Promise.all((await records.list(id)).map(readView));
    },
    async get(id, attempts) {
      await sessions.get(id);
      return await readView((await records.the(id, attempts)).set);
    },
    async diff(id, attempts, n) {
      await sessions.get(id);
      await records.the(id, attempts);
      return await records.diff(id, attempts, n);
    },
    async choose(id, attempts, { n, others }, signal) {
      await sessions.get(id);
      const { set: before } = await records.the(id, attempts);
      refuseUnready(before, n);
      const { sessionId } = before.attempts.find((one) => one.n === n) as Attempt;
      if (!(await sessions.get(sessionId).catch(ignoreChildNotFound)))
        throw new AppError('conflict', `The session of attempt ${n} was deleted.`);
      await refuseActive(id);
      await records.open({ sessionId: id, attempts, count: before.attempts.length, at: clock.now() });
      await records.change(id, attempts, (set) => {
        refuseUnready(set, n);
        return { ...set, phase: 'choosing', isStopped: true, chosen: n, others, error: null };
      });
      await failpoint('attempts.choosing');
      wake();
      const set = await untilChosen(id, attempts, signal);
      if (set.error !== null) throw new AppError('conflict', set.error);
      return await readView(set);
    },
    async stop(id, attempts) {
      await sessions.get(id);
      const { set } = await records.the(id, attempts);
      if (set.phase !== 'running') return await readView(set);
      const stopped = await records.change(id, attempts, (one) => ({ ...one, isStopped: true }));
      wake();
      return await readView(stopped);
    },
  };
}

function stateOf(
  { phase, result }: Pick<Attempt, 'phase' | 'result'>,
  session: SessionRecord | undefined,
): AttemptState {
  if (phase === 'planned' || phase === 'not_started') return phase;
  if (result) return result.status;
  if (!session) return 'deleted';
  return session.status === 'completed' ? 'running' : session.status; // the attempt's result is still being read
}

const nothing = { turns: 0, tokens: 0, cost: 0 };

function refuseUnready({ attempts, phase }: AttemptSet, n: number): void {
  const found = attempts.find((one) => one.n === n);
  if (!found) throw new AppError('not_found', `There is no attempt ${n}.`);
  if (phase === 'choosing') throw new AppError('conflict', 'Another attempt is already being chosen.');
  if (found.isDeleted) throw new AppError('conflict', `The session of attempt ${n} was deleted.`);
  if (found.phase === 'not_started') throw new AppError('conflict', `Attempt ${n} was not started.`);
  if (found.phase !== 'ended') throw new AppError('conflict', `Attempt ${n} has not ended. Wait for it, or stop it.`);
}

const goalRank = { satisfied: 2, could_not_be_judged: 1, not_satisfied: 0 } as const;

/** Most important first; higher is better. */
const toMeasures = ({ goal, score, checks, cost, tokens }: AttemptResult): readonly number[] => [
  goal ? goalRank[goal.result] : 1,
  checks.filter(({ result }) => result === 'passed').length,
  score ?? -1,
  -cost,
  -tokens,
];

function findBest(attempts: readonly Attempt[]): number | null {
  const completed = attempts.filter(({ result, isDeleted }) => result?.status === 'completed' && !isDeleted);
  const [best] = completed
    .map(({ n, result }) => ({ n, measures: toMeasures(result as AttemptResult) }))
    .sort((a, b) => {
      const at = a.measures.findIndex((one, k) => one !== b.measures[k]);
      return at < 0 ? a.n - b.n : (b.measures[at] ?? 0) - (a.measures[at] ?? 0);
    });
  return best?.n ?? null;
}
