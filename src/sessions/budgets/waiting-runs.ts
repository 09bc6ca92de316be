import { Rounds } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { BudgetOverrun } from '../../core/model/spending.ts';
import type { SessionService } from '../api/sessions.ts';
import type { Ledger } from './ledger.ts';

interface Deps {
  readonly ledger: Pick<Ledger, 'covers'>;
  readonly sessions: Pick<SessionService, 'list' | 'send'>;
  readonly events: Pick<Store['events'], 'lastOf' | 'page'>;
  /** Whether this server does it now. Two servers at once would send a run two messages. */
  readonly leads: () => Promise<boolean>;
  readonly clock: Clock;
  readonly warn: (about: object, text: string) => void;
}

const lookMs = 30_000;
const most = 1_000; // runs in a round

/**
 * Lets runs continue that wait for the budget of a person or project, once it has room for their next request, or for an
 * owner who has access.
 */
export class WaitingRuns {
  readonly #deps: Deps;
  readonly #rounds: Rounds;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { clock, warn } = deps;
    const round = async () => {
      await this.round();
      return lookMs;
    };
    const restMs = { first: lookMs, longest: lookMs, failed: lookMs };
    const failure = 'runs that wait for a budget were not looked at';
    this.#rounds = new Rounds({ round, restMs, clock, warn, failure });
  }

  /** Begins a round at once: a limit has changed. */
  wake = (): void => {
    this.#rounds.wake();
  };

  /** Runs until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#rounds.run(signal);
  }

  async round(): Promise<void> {
    const { sessions, leads, ledger, warn } = this.#deps;
    if (!(await leads())) return;
    const isWaiting = ({ status }: SessionRecord) => status === 'waiting';
    const waiting = (await sessions.list({ limit: most, after: undefined, status: 'waiting', keep: isWaiting })).filter(
      isWaiting,
    );
    for (const session of waiting) {
      const over = await this.#overrunOf(session);
      if (!over || !(await ledger.covers(session, over))) continue;
      await sessions
        .send(session.id, { text: goOn(over), mode: 'inject' })
        .catch((err: unknown) => warn({ err, session: session.id }, 'a run that waited for a budget did not go on'));
    }
  }

  async #overrunOf({ id }: SessionRecord): Promise<BudgetOverrun | undefined> {
    const seq = await this.#deps.events.lastOf(id, 'run.wait');
    if (seq === 0) return undefined;
    const [event] = (await this.#deps.events.page(id, seq - 1, 1)).events;
    const budget = event?.type === 'run.wait' ? event.data.budget : undefined;
    return budget && shared.includes(budget.scope) ? budget : undefined;
  }
}

const shared: readonly BudgetOverrun['scope'][] = ['person', 'project', 'member'];
const goOn = ({ scope, period }: BudgetOverrun): string =>
  scope === 'member'
    ? 'The session has an owner with access again. Go on.'
    : `The ${scope}'s budget for the ${period ?? 'day'} has room again. Go on.`;
