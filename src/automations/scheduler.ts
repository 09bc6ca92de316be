import { forEachConcurrent } from '../core/concurrency/for-each-concurrent.ts';
import { ServerComponent, type ServerDependencies } from '../core/contracts/server-parts.ts';
import { ignoreNotFound } from '../core/errors/errors.ts';
import type { SessionId } from '../core/model/ids.ts';
import type { Automation, AutomationStart } from '../sessions/api/server/automations.ts';
import type { RunEndTriggers } from './after-runs.ts';
import { type AutomationRecords, createAutomationStart } from './records.ts';
import { createRecordWorkLoop, maxLoopDelayMs } from './rounds.ts';
import { computeStartJitterMs, findLatestDueTime, findNextDueTime, parseCronRule } from './schedule.ts';
import type { AutomationStarter } from './starter.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly records: AutomationRecords;
  readonly starter: AutomationStarter;
  readonly afterRuns: Pick<RunEndTriggers, 'look' | 'round'>;
  /** Even if two servers lead at the same time, each automation starts only once. */
  readonly leads: () => Promise<boolean>;
  readonly shared: boolean;
}
const width = 8;
const batch = 100;
const openMs = { shared: 2_000, alone: 10_000 }; // longest delay between rounds while starts are pending or running
/** A start counts as missed if it is delayed by more than this. */
const missedMs = 60_000;

export class AutomationScheduler extends ServerComponent<Deps> {
  #working: ReadonlySet<SessionId> = new Set();
  readonly #rounds = createRecordWorkLoop(this.deps.shared, {
    ...this.deps,
    failure: 'automations could not be read; trying again',
    round: (signal) => this.round(signal),
  });

  wake = (): void => {
    this.#rounds.wake();
  };
  ended(id: SessionId): void {
    if (this.#working.has(id)) this.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#rounds.run(signal);
  }

  /** Resolves with the delay until the next round, in ms. */
  async round(signal: AbortSignal): Promise<number> {
    const { records, afterRuns, leads, clock, shared } = this.deps;
    await afterRuns.look();
    if (!(await leads())) return maxLoopDelayMs.shared;
    const now = clock.now();
    const hasMore = await afterRuns.round();
    const found = await records.earliest(batch);
    const due = found.filter((automation) => startTime(automation) <= now);
    await forEachConcurrent(due, width, (automation) => this.#fire(automation, now));
    const isOpen = await this.#advanceAll(signal);
    if (due.length === batch || hasMore) return 0;
    const next = Math.min(...found.map(startTime).filter((at) => at > now));
    const restMs = isOpen ? (shared ? openMs.shared : openMs.alone) : Number.POSITIVE_INFINITY;
    return Math.max(0, Math.min(next - clock.now(), restMs));
  }

  /** Adds the start before advancing `nextAt`, so that a crash in between loses no start. */
  async #fire(automation: Automation, now: number): Promise<void> {
    const { records, warn } = this.deps;
    const { id, schedule, nextAt } = automation;
    if (!schedule || nextAt === null) return;
    const rule = parseCronRule(schedule);
    const dueAt = findLatestDueTime(rule, nextAt, now);
    const isMissed = now - dueAt - schedule.jitterSeconds * 1_000 > missedMs;
    if (!isMissed || schedule.missed === 'latest') {
      const cause = { kind: 'schedule', dueAt } as const;
      await records.addStart(createAutomationStart(automation, { id: `${id}:${dueAt}`, cause, at: now }));
    }
    const next = findNextDueTime(rule, Math.max(now, dueAt));
    await records
      .change(id, (current) => (current.nextAt === nextAt ? { ...current, nextAt: next } : undefined))
      .catch(ignoreNotFound)
      .catch((err: unknown) => warn({ err, automation: id }, 'the next start of an automation could not be stored'));
  }

  async #advanceAll(signal: AbortSignal): Promise<boolean> {
    const { records, starter } = this.deps;
    const open = await records.openStarts();
    const groups = [...Map.groupBy(open, ({ doc }) => doc.automationId)];
    await forEachConcurrent(groups, width, async ([id, starts]) => {
      const found = await records.get(id).catch(ignoreNotFound);
      if (!found) return await records.deleteStarts(id); // left over from a deleted automation
      let now = starts;
      for (const start of starts) {
        if (signal.aborted) return;
        const working = now.map(({ doc }) => doc).filter(isAtWork);
        const isFurther = await starter.advance(start, found, working);
        if (isFurther || start.doc.state !== 'running') now = await records.openStarts(id);
      }
    });
    const left = await records.openStarts();
    const sessions = left.flatMap(({ doc }) => (doc.sessionId && doc.state === 'running' ? [doc.sessionId] : []));
    this.#working = new Set(sessions);
    return left.length > 0;
  }
}

function startTime({ id, schedule, nextAt, paused }: Automation): number {
  if (!schedule || nextAt === null || paused) return Number.POSITIVE_INFINITY;
  return nextAt + computeStartJitterMs(id, nextAt, schedule);
}
const isAtWork = ({ state }: AutomationStart) => state === 'starting' || state === 'running';
