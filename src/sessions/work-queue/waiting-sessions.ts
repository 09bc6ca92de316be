import { runWorkLoop } from '../../core/concurrency/rounds.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { SessionService } from '../api/sessions.ts';
import type { WorkQueue } from './work-queue.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly queue: Pick<WorkQueue, 'enqueue'>;
  readonly sessions: Pick<SessionService, 'list'>;
  readonly live: (id: SessionId) => Pick<SessionRecord, 'agent'> | undefined;
  readonly events: Pick<Store['events'], 'findLastSeq' | 'page'>;
  /** True if this server queues sessions. Two such servers are wasteful but harmless. */
  readonly leads: () => Promise<boolean>;
}
const lookMs = 30_000;
const most = 1_000; // sessions per round

/** Queues sessions that need a worker. Periodic rounds find those missed because of crashes or disconnected workers. */
export class WorkEnqueuer extends ServerComponent<Deps> {
  onFacts(sessionId: SessionId, facts: readonly SessionFact[]): void {
    if (!facts.some(wantsWorker)) return;
    const { queue, live, warn } = this.deps;
    const environment = live(sessionId)?.agent?.environment;
    if (environment === undefined) return;
    queue
      .enqueue(environment, sessionId)
      .catch((err: unknown) => warn({ err, session: sessionId }, 'a session was not queued for a worker'));
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, warn } = this.deps;
    const round = async () => {
      await this.round();
      return lookMs;
    };
    const onError = (err: unknown) => warn({ err }, 'sessions that wait for a worker were not queued');
    await runWorkLoop(round, { clock, failedMs: lookMs, onError }, signal);
  }

  async round(): Promise<void> {
    const { queue, sessions, leads } = this.deps;
    if (!(await leads())) return;
    const isWaiting = ({ status, agent }: SessionRecord) => status === 'waiting' && agent?.environment !== undefined;
    const waiting = (await sessions.list({ limit: most, after: undefined, status: 'waiting', keep: isWaiting })).filter(
      isWaiting,
    );
    for (const { id, agent } of waiting)
      if (agent?.environment !== undefined && (await this.#waitsForCall(id)))
        await queue.enqueue(agent.environment, id);
  }

  async #waitsForCall(id: SessionId): Promise<boolean> {
    const { events } = this.deps;
    const requested = await events.findLastSeq(id, 'run.wait');
    const [event] = (await events.page(id, requested - 1, 1)).events;
    return event?.type === 'run.wait' && event.data.byClient === true;
  }
}

const wantsWorker = (fact: SessionFact): boolean =>
  fact.type === 'message.user' || (fact.type === 'run.wait' && fact.data.byClient === true);
