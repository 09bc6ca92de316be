import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ConcurrentAmounts } from '../../core/model/runs/budget-limits.ts';
import type { BudgetOverrun } from '../../core/model/spending.ts';
import type { LiveSession } from '../run/live-session.ts';
import { type ConcurrencyLimiter, type ConcurrentUsage, toLimitError } from './holdings.ts';

interface Deps {
  readonly sessions: { all(): LiveSession[]; get(id: SessionId): LiveSession | undefined };
  readonly sandboxOf: (session: SessionRecord) => ConcurrentAmounts;
  readonly holdings: () => Pick<ConcurrencyLimiter, 'take' | 'freed' | 'moved'>;
}

export class LiveConcurrencyTracker extends ServerComponent<Deps> {
  *shares(): Generator<ConcurrentUsage> {
    for (const { held, runWriter, writer } of this.deps.sessions.all()) {
      const isRunning = held.runId !== undefined && held.runId === runWriter?.runId;
      if (!isRunning && !held.sandbox) continue;
      yield { session: writer.record, amounts: { ...held.sandbox, ...(isRunning && { runningRuns: 1 }) } };
    }
  }

  /** Excludes children's runs, because the delegating run waits for them and is counted. */
  async admitRun(id: SessionId, runId: RunId): Promise<BudgetOverrun | undefined> {
    const live = this.deps.sessions.get(id);
    if (!live || live.held.runId === runId || live.writer.record.parent) return undefined;
    const hold = () => {
      live.held.runId = runId;
    };
    const reached = await this.deps.holdings().take(live.writer.record, { runningRuns: 1 }, hold);
    if (!reached) return undefined;
    const { of: scope, limit, used, needs } = reached;
    return { scope, kind: 'runningRuns', limit, used, needs };
  }

  onFacts(id: SessionId, facts: readonly SessionFact[]): void {
    const live = this.deps.sessions.get(id);
    // The record changes when the write settles; a failed write unloads the session.
    if (live && facts.some(changesHolders))
      void live.writer.settled().then(
        () => this.deps.holdings().moved(),
        () => {},
      );
    if (!live?.held.runId || !facts.some(({ type }) => type === 'run.end' || type === 'run.wait')) return;
    live.held.runId = undefined;
    void this.deps.holdings().freed(live.writer.record);
  }

  /** Rejects: quota, sandbox_capacity. */
  async takeSandbox(live: LiveSession): Promise<void> {
    if (live.held.sandbox) return;
    const amounts = this.deps.sandboxOf(live.writer.record);
    const hold = () => {
      live.held.sandbox = amounts;
    };
    const reached = await this.deps.holdings().take(live.writer.record, amounts, hold);
    if (reached) throw toLimitError(reached);
  }

  /** Counts a running sandbox without checking the limits. */
  adoptSandbox(live: LiveSession): void {
    live.held.sandbox ??= this.deps.sandboxOf(live.writer.record);
  }

  freeSandbox(id: SessionId): void {
    const live = this.deps.sessions.get(id);
    if (!live?.held.sandbox) return;
    live.held.sandbox = undefined;
    void this.deps.holdings().freed(live.writer.record);
  }
}

const changesHolders = ({ type, data }: SessionFact): boolean =>
  type === 'session.updated' && ('projectId' in data || 'owner' in data);
