import { z } from 'zod';
import type { AppendRequest, EventLog, RecordPut } from '../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../core/contracts/server-parts.ts';
import { quoteLines } from '../core/text/quote.ts';
import type { Automation } from '../sessions/api/server/automations.ts';
import { type AutomationRecords, createAutomationStart } from './records.ts';

export function withAddedRecords(
  log: EventLog,
  carry: (entry: AppendRequest) => AppendRequest,
  isOpen: () => boolean,
): EventLog {
  const carried = new WeakMap<AppendRequest, AppendRequest>(); // a retried append must pass the same object to the log
  return {
    ...log,
    append: (entry) => {
      if (!isOpen()) return log.append(entry);
      const found = carried.get(entry) ?? carry(entry);
      carried.set(entry, found);
      return log.append(found);
    },
  };
}

// A record of an ended run is written together with the run's end, so a crash loses none. Start ids are derived from
// record ids, so a repeated round adds no duplicates.

export const endedRunKind = 'ended-run';
const kind = endedRunKind;
const Session = z.object({
  id: z.string(),
  title: z.string(),
  origin: z.string().optional(),
  owner: z.string().optional(),
  projectId: z.string().nullable().default(null),
  latestMessage: z.string().default(''),
  metadata: z.record(z.string(), z.string()).optional(),
});
const EndedRun = z.object({ session: Session, status: z.enum(['completed', 'failed']), at: z.number() });
type EndedRun = z.output<typeof EndedRun>;

const batch = 100;
const maxQuoted = 4_000;
/** Maximum length of a chain of automations that start one another. */
const maxDepth = 5;

interface Deps extends Pick<ServerDependencies, 'records'> {
  readonly automations: AutomationRecords;
  readonly clock: { now(): number };
}

export class RunEndTriggers extends ServerComponent<Deps> {
  #isOpen = false;

  look = async (): Promise<void> => {
    this.#isOpen = (await this.deps.automations.afterRuns()).length > 0;
  };

  around(log: EventLog): EventLog {
    return withAddedRecords(log, withEnds, () => this.#isOpen);
  }

  /** Resolves with true after a full batch. Can be repeated safely. */
  async round(): Promise<boolean> {
    const { records, automations } = this.deps;
    const ends = await records.list(kind, { limit: batch });
    if (ends.length === 0) return false;
    const rules = await automations.afterRuns();
    for (const { id, doc } of ends) {
      const end = EndedRun.parse(doc);
      for (const automation of rules) if (wants(automation, end)) await this.#start(automation, id, end);
      await records.delete(kind, id);
    }
    return ends.length === batch;
  }

  async #start(automation: Automation, id: string, { session, status, at }: EndedRun): Promise<void> {
    const { automations, clock } = this.deps;
    const own = ownStart(session);
    const before = own && (await automations.findStart(own.start));
    const chain = own ? [...(before?.chain ?? []), own.automation] : [];
    if (chain.includes(automation.id) || chain.length >= maxDepth || automation.createdAt > at) return;
    const message = `${session.title} (session ${session.id})\n\nIts last message:\n${session.latestMessage}`;
    const outcome = status === 'completed' ? 'done' : 'failed';
    await automations.addStart(
      createAutomationStart(automation, {
        id: `${automation.id}:${id}`,
        cause: { kind: 'run', sessionId: session.id, outcome },
        at: clock.now(),
        given: quoteLines(message, maxQuoted),
        chain,
      }),
    );
  }
}

/** Metadata alone proves nothing, because users can set it freely. */
function ownStart({ origin, metadata }: EndedRun['session']) {
  const { automation, start } = metadata ?? {};
  return origin === 'automation' && automation !== undefined && start !== undefined ? { automation, start } : undefined;
}

function wants({ after, owner, paused }: Automation, { session, status }: EndedRun): boolean {
  if (!after || paused) return false;
  if (after.outcome !== 'any' && (after.outcome === 'done') !== (status === 'completed')) return false;
  if (owner !== undefined && session.owner !== owner) return false;
  if (after.of === 'session') return session.id === after.id;
  if (after.of === 'project') return session.projectId === after.id;
  return ownStart(session)?.automation === after.id;
}

function withEnds(entry: AppendRequest): AppendRequest {
  const { sessionId, after, at, facts, puts = [] } = entry;
  const record = puts.findLast((put) => put.kind === 'session')?.doc;
  if (record === undefined) return entry;
  const more = facts.flatMap(({ type, data }, n): RecordPut[] => {
    if (type !== 'run.end' || data.status === 'stopped') return [];
    const doc: EndedRun = { session: Session.parse(record), status: data.status, at };
    return [{ kind, id: `run-${sessionId}-${after + n + 1}`, doc, sort: -at }];
  });
  return more.length === 0 ? entry : { ...entry, puts: [...puts, ...more] };
}
