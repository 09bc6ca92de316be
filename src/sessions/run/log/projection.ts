import { z } from 'zod';
import { frequentEventTypes, isNoteEvent } from '../../../core/model/event-traits.ts';
import { type FactOf, SandboxPhase, type SessionFact } from '../../../core/model/events.ts';
import { MessageId, RunId } from '../../../core/model/ids.ts';
import { SessionRecord } from '../../../core/model/records.ts';
import { WorkspaceDamageReport } from '../../../core/model/sandboxes/files-damaged.ts';
import { addToolCall, addUsage, noSpending, Spending } from '../../../core/model/spending.ts';
import { findUntrustedSource, UntrustedSource } from '../../../core/text/strangers.ts';
import { truncateEnd } from '../../../core/text/text.ts';

export const StoredSession = SessionRecord.extend({
  /** True if a user stopped the sandbox. Commands and the desktop are refused until the next run or `start` call. */
  sandboxHeld: z.boolean().default(false),
  /** True if the daemon violated the protocol. Only a user's request starts a new sandbox. */
  sandboxUntrusted: z.boolean().default(false),
  /** Absent before the first phase, and in records written by earlier versions. */
  sandboxPhase: SandboxPhase.optional(),
  openRuns: z.array(
    z.object({
      runId: RunId,
      messageId: MessageId,
      task: z.string(),
      seq: z.int(),
      startedSeq: z.int().nullable(),
      attachments: z.array(z.string()).optional(),
      hasGoal: z.literal(true).optional(),
      spending: Spending.optional(),
    }),
  ),
  spending: Spending.default(noSpending),
  /** Usage when a user last renewed the session's budget. Null: never. */
  granted: Spending.nullable().default(null),
  /** Start of working time that is not yet in `spending`. */
  workingSince: z.number().nullable().default(null),
  isOverBudget: z.boolean().default(false),
  permitted: z.array(z.string()).default([]),
  /** Files for the first sandbox. Null if there are none left to restore. */
  startsFrom: z.object({ blob: z.string(), sha256: z.string().optional() }).nullable().default(null),
  filesDamaged: WorkspaceDamageReport.nullable().default(null),
  /** Sources are only ever added. */
  strangers: z.array(UntrustedSource).default(['earlier']),
});
export type StoredSession = z.infer<typeof StoredSession>;

export const unfinishedRecordKind = 'unfinished';
export const isUnfinished = ({ deleting, openRuns }: StoredSession): boolean => deleting || openRuns.length > 0;

const shownLength = 1_000; // characters of a message in lists

interface ProjectionInput {
  readonly seq: number;
  readonly ts: number;
  /** Whether new messages count as read. */
  readonly watched: boolean;
}

/** Returns the same object if nothing changes. */
export function applyFact(before: StoredSession, fact: SessionFact, input: ProjectionInput): StoredSession {
  const source = findUntrustedSource(fact);
  const isNew = source !== undefined && !before.strangers.includes(source);
  return projected(isNew ? { ...before, strangers: [...before.strangers, source] } : before, fact, input);
}

function projected(record: StoredSession, fact: SessionFact, { seq, ts, watched }: ProjectionInput): StoredSession {
  const now = { updatedAt: ts, lastSeq: seq };
  if (isNoteEvent(fact)) return frequentEventTypes.has(fact.type) ? record : { ...record, lastSeq: seq };
  switch (fact.type) {
    case 'message.user': {
      const { messageId, text, attachments, goal } = fact.data;
      const reply = {
        ...now,
        sandboxUntrusted: false,
        latestMessage: truncateEnd(text, shownLength),
        latestMessageAt: ts,
      };
      const runId = fact.runId;
      if (runId === null || record.openRuns.some((run) => run.runId === runId)) return { ...record, ...reply };
      const more = { ...(attachments.length > 0 && { attachments }), ...(goal && { hasGoal: true as const }) };
      const run = { runId, messageId, task: text, seq, startedSeq: null, ...more };
      return { ...record, ...reply, openRuns: [...record.openRuns, run] };
    }
    case 'run.started': {
      const openRuns = record.openRuns.map((run) => (run.runId === fact.runId ? { ...run, startedSeq: seq } : run));
      const started = { status: 'running', sandboxHeld: false, lastTask: fact.data.task, workingSince: ts } as const;
      return { ...record, ...now, ...started, openRuns };
    }
    case 'title':
      return { ...record, ...now, title: fact.data.title, titleBy: fact.runId === null ? 'client' : 'run' };
    case 'message.assistant': {
      const { text } = fact.data;
      const unread = watched ? 0 : record.unread + 1;
      return { ...record, ...now, latestMessage: truncateEnd(text, shownLength), latestMessageAt: ts, unread };
    }
    case 'run.wait':
      return {
        ...timed(record, fact.runId, ts),
        ...now,
        status: 'waiting',
        workingSince: null,
        isOverBudget: fact.data.budget?.scope === 'session',
      };
    case 'run.resumed': {
      const granted = record.isOverBudget ? record.spending : record.granted;
      return { ...record, ...now, status: 'running', workingSince: ts, isOverBudget: false, granted };
    }
    case 'run.notice':
      // Downtime is not counted as working time.
      if (fact.data.kind !== 'resumed_after_restart' || record.workingSince === null)
        return { ...record, lastSeq: seq };
      return { ...record, lastSeq: seq, workingSince: ts };
    case 'usage':
      return counted(timed(record, fact.runId, ts), fact);
    case 'tool.called': {
      const counted = withSpending(record, fact.runId, addToolCall);
      return { ...counted, spending: addToolCall(record.spending), lastSeq: seq };
    }
    case 'run.end': {
      const openRuns = record.openRuns.filter((run) => run.runId !== fact.runId);
      const { status, reason, code, goal } = fact.data;
      const outcome = { status, reason, ...(code !== undefined && { code }), ...(goal && { goal }) };
      const active = openRuns.some((run) => run.startedSeq !== null);
      if (active) return { ...record, ...now, openRuns };
      const ended = { status: 'completed', workingSince: null, isOverBudget: false } as const;
      return { ...timed(record, fact.runId, ts), ...now, ...ended, openRuns, outcome };
    }
    case 'sandbox.phase': {
      const sandboxState = sandboxStates[fact.data.phase];
      if (sandboxState === undefined) return record;
      const startedByRun = sandboxState === 'running' && record.status === 'running';
      const sandboxUntrusted = record.sandboxUntrusted && fact.data.phase !== 'starting';
      const sandboxHeld = record.sandboxHeld && !startedByRun;
      return { ...record, lastSeq: seq, sandboxState, sandboxPhase: fact.data.phase, sandboxHeld, sandboxUntrusted };
    }
    case 'approval.resolved': {
      const { always } = fact.data;
      if (always === undefined || record.permitted.includes(always)) return { ...record, lastSeq: seq };
      return { ...record, lastSeq: seq, permitted: [...record.permitted, always] };
    }
    case 'sandbox.untrusted':
      return { ...record, lastSeq: seq, sandboxUntrusted: true };
    case 'message.delta':
    case 'tool.output':
      return record; // frequent, and not shown in lists
    case 'plan':
    case 'step':
    case 'tool.calling':
    case 'approval.requested':
    case 'run.error':
    case 'goal':
      return { ...record, lastSeq: seq };
    default:
      fact satisfies never;
      return record;
  }
}

function timed(record: StoredSession, runId: RunId | null, ts: number): StoredSession {
  const { workingSince, spending } = record;
  if (workingSince === null) return record;
  const ms = Math.max(0, ts - workingSince);
  return {
    ...withSpending(record, runId, (before) => ({ ...before, ms: before.ms + ms })),
    spending: { ...spending, ms: spending.ms + ms },
    workingSince: ts,
  };
}

/** Leaves `lastSeq` unchanged, because usage events are frequent and not shown in lists. */
function counted(record: StoredSession, { data, runId }: FactOf<'usage'>): StoredSession {
  return {
    ...withSpending(record, runId, (before) => addUsage(before, data)),
    spending: addUsage(record.spending, data),
  };
}

const withSpending = (record: StoredSession, runId: RunId | null, change: (before: Spending) => Spending) => ({
  ...record,
  openRuns: record.openRuns.map((run) =>
    run.runId === runId ? { ...run, spending: change(run.spending ?? noSpending) } : run,
  ),
});

export function computeSpendingAt(
  record: StoredSession,
  runId: RunId,
  now: number,
): { spent: Spending; total: Spending } {
  const { openRuns, spending: total } = timed(record, runId, now);
  return { spent: openRuns.find((run) => run.runId === runId)?.spending ?? noSpending, total };
}

const sandboxStates: Partial<Record<string, SessionRecord['sandboxState']>> = {
  starting: 'created',
  ready: 'running',
  pausing: 'running',
  paused: 'running',
  resuming: 'running',
  resumed: 'running',
  lost: 'not_found', // the sandbox failed; the next use creates another
  released: 'stopped',
};

export function toPublicRecord({
  openRuns: _open,
  sandboxHeld: _held,
  sandboxPhase: _phase,
  sandboxUntrusted: _untrusted,
  spending: _spending,
  granted: _granted,
  workingSince: _since,
  isOverBudget: _over,
  startsFrom: _files,
  filesDamaged: _damaged,
  permitted: _permitted,
  strangers: _strangers,
  ...record
}: StoredSession): SessionRecord {
  return record;
}

type Choices = Pick<
  SessionRecord,
  | ('templateBy' | 'owner' | 'model' | 'fallbacks' | 'toolServers' | 'life' | 'repositories' | 'author')
  | ('name' | 'metadata' | 'sandbox' | 'budget' | 'endsAt' | 'agent' | 'skills' | 'parent')
>;
const inherited = [
  ...(['template', 'templateBy', 'projectId', 'model', 'fallbacks', 'toolServers', 'author', 'metadata'] as const),
  ...(['sandbox', 'budget', 'agent', 'skills'] as const),
] as const;

export const inheritedFieldsOf = (session: SessionRecord) =>
  Object.fromEntries(inherited.map((name) => [name, session[name]])) as Pick<SessionRecord, (typeof inherited)[number]>;

export function createSessionRecord({
  id,
  origin,
  title,
  template,
  projectId,
  lastTask,
  at,
  ...choices
}: Pick<SessionRecord, 'id' | 'origin' | 'title' | 'template' | 'projectId' | 'lastTask'> & {
  at: number;
} & { [Name in keyof Choices]: Choices[Name] | undefined }): StoredSession {
  const input: Partial<Choices> = Object.fromEntries(
    Object.entries(choices).filter(([, value]) => value !== undefined),
  );
  return {
    ...input,
    id,
    origin,
    template,
    title,
    titleBy: null,
    projectId,
    status: 'pending',
    createdAt: at,
    updatedAt: at,
    lastTask,
    latestMessage: '',
    latestMessageAt: at,
    unread: 0,
    lastSeq: 0,
    sandboxState: 'created',
    deleting: false,
    favorite: false,
    pinned: false,
    shared: false,
    archived: false,
    sandboxHeld: false,
    sandboxUntrusted: false,
    openRuns: [],
    spending: noSpending,
    granted: null,
    workingSince: null,
    isOverBudget: false,
    permitted: [],
    startsFrom: null,
    filesDamaged: null,
    strangers: [],
  };
}
