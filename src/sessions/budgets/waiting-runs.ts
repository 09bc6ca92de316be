import { WorkLoop } from '../../core/concurrency/rounds.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { BudgetOverrun } from '../../core/model/spending.ts';
import type { SessionService } from '../api/sessions.ts';
import type { ConcurrencyLimiter } from './holdings.ts';
import type { BudgetLedger } from './ledger.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly ledger: Pick<BudgetLedger, 'covers'>;
  readonly holdings: Pick<ConcurrencyLimiter, 'covers'>;
  readonly sessions: Pick<SessionService, 'list' | 'send'>;
  readonly events: Pick<Store['events'], 'findLastSeq' | 'page'>;
  /** True on only one server, so that a run is not sent two messages. */
  readonly leads: () => Promise<boolean>;
}

const lookMs = 30_000;
const most = 1_000; // maximum runs per round

/** Also resumes runs that are waiting for an owner with access. */
export class WaitingRunResumer extends ServerComponent<Deps> {
  readonly #rounds = new WorkLoop({
    ...this.deps,
    round: async () => {
      await this.round();
      return lookMs;
    },
    restMs: { first: lookMs, longest: lookMs, failed: lookMs },
    failure: 'runs waiting for a budget could not be checked',
  });
  /** `runningRuns` refusals since the last round that found no run waiting for that limit. */
  #refusals = 1;

  wake = (): void => {
    this.#rounds.wake();
  };

  onFacts(facts: readonly SessionFact[]): void {
    for (const { type, data } of facts) {
      const isRefused = type === 'run.wait' && data.budget?.kind === 'runningRuns';
      if (isRefused) this.#refusals += 1;
      else if ((type === 'run.end' || type === 'run.wait') && this.#refusals > 0) this.wake();
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#rounds.run(signal);
  }

  async round(): Promise<void> {
    const { sessions, leads, warn } = this.deps;
    if (!(await leads())) return;
    const before = this.#refusals;
    const isWaiting = ({ status }: SessionRecord) => status === 'waiting';
    const waiting = (await sessions.list({ limit: most, after: undefined, status: 'waiting', keep: isWaiting })).filter(
      isWaiting,
    );
    let isWaitedFor = false;
    let started = 0; // runs continued in this round but not yet counted as running
    for (const session of waiting) {
      const over = await this.#findOverrun(session);
      if (!over) continue;
      isWaitedFor ||= over.kind === 'runningRuns';
      if (!(await this.#covers(session, over, started))) continue;
      if (over.kind === 'runningRuns') started += 1;
      await sessions
        .send(session.id, { text: goOn(over), mode: 'inject' })
        .catch((err: unknown) => warn({ err, session: session.id }, 'a run waiting for a budget was not continued'));
    }
    if (!isWaitedFor) this.#refusals -= before;
  }

  async #covers(session: SessionRecord, over: BudgetOverrun, started: number): Promise<boolean> {
    const { ledger, holdings } = this.deps;
    if (over.kind !== 'runningRuns') return await ledger.covers(session, over);
    return await holdings.covers(session, { runningRuns: 1 + started });
  }

  async #findOverrun({ id }: SessionRecord): Promise<BudgetOverrun | undefined> {
    const seq = await this.deps.events.findLastSeq(id, 'run.wait');
    if (seq === 0) return undefined;
    const [event] = (await this.deps.events.page(id, seq - 1, 1)).events;
    const budget = event?.type === 'run.wait' ? event.data.budget : undefined;
    return budget && shared.includes(budget.scope) ? budget : undefined;
  }
}

const shared: readonly BudgetOverrun['scope'][] = ['person', 'project', 'server', 'member'];
function goOn({ scope, period, kind }: BudgetOverrun): string {
  if (scope === 'member') return 'The session has an owner with access again. Continue.';
  if (kind === 'runningRuns') return `The ${scope} has room for another run. Continue.`;
  return `The ${scope}'s budget for the ${period ?? 'day'} has room again. Continue.`;
}
