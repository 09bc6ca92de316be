import { z } from 'zod';
import type { AppendRequest, EventLog, RecordPut } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { ResourceOwnership } from '../../core/model/access/holder.ts';
import { type SessionFact, SessionStatus } from '../../core/model/events.ts';
import { RunOutcome } from '../../core/model/records.ts';
import { GoalResult } from '../../core/model/runs/goal.ts';
import { WaitReason } from '../../core/model/spending.ts';
import { withAddedRecords } from '../after-runs.ts';

// Events that have no deliveries yet. A session's events are written with the append, so a crash loses none.

export const webhookOutboxKind = 'webhook-outbox';
const kind = webhookOutboxKind;
/** Copied in case the session is deleted before the message is sent. */
const Session = z.object({
  id: z.string(),
  title: z.string(),
  owner: z.string().optional(),
  projectId: z.string().nullable().default(null),
  parent: z.object({ sessionId: z.string(), attempts: z.string().optional() }).optional(),
  status: SessionStatus.optional(),
  spending: z.object({ turns: z.int() }).optional(),
  latestMessage: z.string().optional(),
});
const ResourceChange = z.object({
  type: z.literal('resource.changed'),
  at: z.number(),
  resource: z.enum(['agent', 'environment', 'memory_store', 'vault', 'vault_credential']),
  id: z.string(),
  change: z.enum(['created', 'updated', 'archived', 'deleted', 'refresh_failed']),
  name: z.string(),
  ...ResourceOwnership.shape,
  vaultId: z.string().optional(),
});
export type ResourceChange = z.output<typeof ResourceChange>;
/** Copied, because a deleted automation's record cannot be read. */
const AutomationChange = z.object({
  type: z.literal('automation.changed'),
  at: z.number(),
  automationId: z.string(),
  change: z.enum(['created', 'updated', 'resumed', 'archived', 'deleted']),
  name: z.string(),
  projectId: z.string().nullable(),
  owner: z.string().optional(),
  isProgram: z.boolean(),
});
export type AutomationChangeEvent = z.output<typeof AutomationChange>;
const AutomationStarted = z.object({
  type: z.enum(['automation.started', 'automation.not_started']),
  at: z.number(),
  automationId: z.string(),
  startId: z.string(),
});
export type AutomationStartEvent = z.output<typeof AutomationStarted>;
const changedFields = ['title', 'agent', 'metadata', 'budget', 'archived'] as const;
const ofSession = { session: Session.nullable(), sessionId: z.string(), at: z.number() };
const OutboxEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('run.started'), ...ofSession, runId: z.string().nullable() }),
  z.object({ type: z.literal('run.waiting'), ...ofSession, runId: z.string().nullable(), reason: WaitReason }),
  z.object({ type: z.literal('run.resumed'), ...ofSession, runId: z.string().nullable() }),
  z.object({ type: z.literal('run.retrying'), ...ofSession, runId: z.string().nullable() }),
  z.object({ type: z.literal('run.ended'), ...ofSession, runId: z.string().nullable(), outcome: RunOutcome }),
  z.object({ type: z.literal('run.failed'), ...ofSession, runId: z.string().nullable(), outcome: RunOutcome }),
  z.object({
    type: z.literal('goal.judged'),
    ...ofSession,
    runId: z.string().nullable(),
    round: z.int(),
    result: GoalResult,
  }),
  z.object({ type: z.literal('session.created'), ...ofSession }),
  z.object({ type: z.literal('session.changed'), ...ofSession, fields: z.array(z.enum(changedFields)) }),
  z.object({ type: z.literal('session.archived'), ...ofSession }),
  z.object({ type: z.literal('session.deleted'), ...ofSession }),
  ResourceChange,
  AutomationChange,
  AutomationStarted,
  z.object({
    type: z.literal('automation.paused'),
    at: z.number(),
    automationId: z.string(),
    by: z.enum(['person', 'failures', 'owner']),
  }),
]);
export type OutboxEvent = z.output<typeof OutboxEvent>;
export interface OutboxEntry {
  readonly id: string;
  readonly event: OutboxEvent;
}

export class WebhookOutbox extends ServerComponent<Pick<ServerDependencies, 'records'>> {
  #isOpen = false;
  #onAdd = (): void => {};

  open(isOpen: boolean): void {
    this.#isOpen = isOpen;
  }
  get isOpen(): boolean {
    return this.#isOpen;
  }

  onAdd(listener: () => void): void {
    this.#onAdd = listener;
  }

  async oldest(limit: number): Promise<OutboxEntry[]> {
    const found = await this.deps.records.list(kind, { limit });
    return found.map(({ id, doc }) => ({ id, event: OutboxEvent.parse(doc) }));
  }
  async delete(id: string): Promise<void> {
    await this.deps.records.delete(kind, id);
  }

  /** Call this before the pause is stored. */
  async addPause(event: Omit<Extract<OutboxEvent, { type: 'automation.paused' }>, 'type'>): Promise<void> {
    await this.#add(`automation-${event.automationId}-${event.at}`, { type: 'automation.paused', ...event });
  }

  async addChange(event: Omit<ResourceChange, 'type'>): Promise<void> {
    await this.#add(`resource-${event.id}-${event.change}-${event.at}`, { type: 'resource.changed', ...event });
  }

  async addAutomationChange(event: Omit<AutomationChangeEvent, 'type'>): Promise<void> {
    const id = `automation-${event.automationId}-${event.change}-${event.at}`;
    await this.#add(id, { type: 'automation.changed', ...event });
  }

  /** Call this before the outcome is stored. */
  async addStart(event: AutomationStartEvent): Promise<void> {
    await this.#add(`start-${event.startId}-${event.type}`, event);
  }

  async #add(id: string, doc: OutboxEvent): Promise<void> {
    if (!this.#isOpen) return;
    await this.deps.records.put({ kind, id, doc, sort: -doc.at });
    this.#onAdd();
  }

  around(log: EventLog): EventLog {
    return withAddedRecords(log, withOutbox, () => this.#isOpen);
  }
}

function withOutbox(entry: AppendRequest): AppendRequest {
  const { sessionId, after, at, facts, puts = [] } = entry;
  const record = puts.findLast((put) => put.kind === 'session')?.doc;
  const session = record === undefined ? null : Session.parse(record);
  const common = { session, sessionId, at };
  // Records whose ids start with the session's id are deleted with the session.
  const put = (id: string, event: OutboxEvent): RecordPut => ({ kind, id, doc: event, sort: -at });
  const more = facts.flatMap((fact, n) => {
    const event = toOutboxEvent(fact, common);
    return event ? [put(`event-${sessionId}-${after + n + 1}`, event)] : [];
  });
  const fields = listChangedFields(facts);
  if (fields.length > 0)
    more.push(put(`changed-${sessionId}-${after + 1}`, { type: 'session.changed', ...common, fields }));
  const isDeleted = (record as { readonly deleting?: unknown } | undefined)?.deleting === true;
  if (isDeleted) more.push(put(`deleted-${sessionId}`, { type: 'session.deleted', ...common }));
  return more.length === 0 ? entry : { ...entry, puts: [...puts, ...more] };
}

type DeletedSession = Pick<Extract<OutboxEvent, { type: 'session.deleted' }>, 'session' | 'sessionId' | 'at'>;

function toOutboxEvent({ type, runId, data }: SessionFact, common: DeletedSession): OutboxEvent | undefined {
  switch (type) {
    case 'session.created':
      return { type, ...common };
    case 'session.updated':
      return data.archived ? { type: 'session.archived', ...common } : undefined;
    case 'run.started':
    case 'run.resumed':
      return { type, ...common, runId };
    case 'run.notice':
      if (data.kind !== 'waiting_provider' || (data.retry?.number ?? 1) > 1) return undefined;
      return { type: 'run.retrying', ...common, runId };
    case 'run.wait':
      return { type: 'run.waiting', ...common, runId, reason: data.reason ?? 'question' };
    case 'goal':
      if (data.kind !== 'judged') return undefined;
      return { type: 'goal.judged', ...common, runId, round: data.round, result: data.result };
    case 'run.end': {
      const { status, reason, code } = data;
      const outcome = { status, reason, ...(code !== undefined && { code }) };
      return { type: status === 'failed' ? 'run.failed' : 'run.ended', ...common, runId, outcome };
    }
    default:
      return undefined;
  }
}

/** Excludes a session's initial title and a title set by its run. */
function listChangedFields(facts: readonly SessionFact[]): (typeof changedFields)[number][] {
  const isNew = facts.some(({ type }) => type === 'session.created');
  const isRenamed = !isNew && facts.some(({ type, runId }) => type === 'title' && runId === null);
  const changes = facts.flatMap((fact) => (fact.type === 'session.updated' ? [fact.data] : []));
  return changedFields.filter((field) => {
    if (field === 'title') return isRenamed;
    return changes.some((data) => (field === 'archived' ? data.archived === false : data[field] !== undefined));
  });
}
