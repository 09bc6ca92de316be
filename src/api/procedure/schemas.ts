import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { SessionFact, SessionOrigin, SessionStatus } from '../../core/model/events.ts';
import { MessageId, RunId } from '../../core/model/ids.ts';
import {
  ChildOrigin,
  ForkOrigin,
  MessageBranchPoint,
  RunOutcome,
  type SessionRecord,
} from '../../core/model/records.ts';
import { SessionRepository } from '../../core/model/repository.ts';
import type { CallerContext } from '../../http/guard/caller-context.ts';
import { parseCursor } from '../../http/transport/cursor.ts';
import { toSessionId } from './session-id.ts';

// Inputs are strict, to report misspelled fields. Malformed ids are reported as not found.

export const SessionIdInput = z.string().transform(toSessionId);
export const ProjectIdInput = z.string().transform((value): string => {
  if (z.uuid().safeParse(value).success) return value.toLowerCase();
  throw new AppError('not_found', 'There is no such project.');
});
export const OwningProjectInput = ProjectIdInput.nullish().describe('the project that gets it; default: it is yours');
export const CursorInput = z
  .string()
  .nullish()
  .transform((value) => parseCursor(value));

const hasNoNul = (text: string) => !text.includes('\0');
export const TextInput = z
  .string()
  .max(200_000)
  .refine((text) => text.trim() !== '', 'must not be empty');
export const ShellCommandInput = TextInput.refine(hasNoNul, 'must not contain NUL');
export const TitleInput = z
  .string()
  .max(255)
  .refine((title) => title.trim() !== '', 'must not be empty');
export const PathInput = z.string().min(1).max(4_096).refine(hasNoNul, 'must not contain NUL');

export const sessionTarget = z.strictObject({ sessionId: SessionIdInput.describe('the session') });
export const OkResult = z.object({ ok: z.literal(true) });
export const okResult = { ok: true } as const;
export const okOperationFields = { out: OkResult, answer: okResult };
export const awaitOkResult = async (work: Promise<unknown>): Promise<typeof okResult> => {
  await work;
  return okResult;
};

const Parent = ChildOrigin.pick({ sessionId: true, depth: true, attempts: true, n: true });
const toParent = ({ sessionId, depth, attempts, n }: ChildOrigin): z.infer<typeof Parent> => ({
  ...{ sessionId, depth },
  ...(attempts !== undefined && { attempts }),
  ...(n !== undefined && { n }),
});

export const Session = z.object({
  id: z.string(),
  title: z.string(),
  status: SessionStatus,
  origin: SessionOrigin,
  template: z.string(),
  /** `session`: chosen for the session. `server`: the server's default. Null: the project's, or none. */
  templateBy: z.enum(['session', 'server']).nullable(),
  projectId: z.string().nullable(),
  /** The owner's name or e-mail address. Null if the caller is the owner or cannot use the project. */
  ownerName: z.string().nullable(),
  /** Null if the model comes from the template, project or server. */
  model: z.string().nullable(),
  lastTask: z.string(),
  latestMessage: z.string(),
  latestMessageAt: z.iso.datetime(),
  unread: z.int(),
  lastSeq: z.int(),
  outcome: RunOutcome.nullable(),
  favorite: z.boolean(),
  pinned: z.boolean(),
  archived: z.boolean(),
  forkedFrom: ForkOrigin.nullable(),
  /** `depth`: distance from the root session. Null if a user or client started the session. */
  parent: Parent.nullable(),
  /** Null unless the session was created by editing a message. */
  branch: MessageBranchPoint.nullable(),
  repositories: z.array(SessionRepository).readonly(),
  hasCheckpoints: z.boolean(),
  name: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  /** The deletion time. Null if the session is never deleted. */
  endsAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type Session = z.infer<typeof Session>;

type Defined<Fields> = { [Name in keyof Fields]: Exclude<Fields[Name], undefined> };
export const omitUndefined = <Fields extends object>(fields: Fields): Defined<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;

export const toIsoTime = (ms: number): string => new Date(ms).toISOString();
export const IsoTime = z.union([z.number().transform(toIsoTime), z.string()]).pipe(z.iso.datetime());

export const toSession = (caller: Caller, record: SessionRecord): Session => ({
  id: record.id,
  title: record.title,
  status: record.status,
  origin: record.origin,
  template: record.template,
  templateBy: record.templateBy ?? null,
  projectId: record.projectId,
  ownerName: ownerNameFor(caller, record),
  model: record.model ?? null,
  lastTask: record.lastTask,
  latestMessage: record.latestMessage,
  unread: record.unread,
  lastSeq: record.lastSeq,
  favorite: record.favorite,
  pinned: record.pinned,
  archived: record.archived,
  forkedFrom: record.forkedFrom ?? null,
  parent: record.parent ? toParent(record.parent) : null,
  branch: record.branch ?? null,
  repositories: record.repositories ?? [],
  hasCheckpoints: record.hasCheckpoints ?? false,
  name: record.name ?? null,
  metadata: record.metadata ?? {},
  endsAt: endOf(record),
  outcome: record.outcome ?? null,
  createdAt: toIsoTime(record.createdAt),
  updatedAt: toIsoTime(record.updatedAt),
  latestMessageAt: toIsoTime(record.latestMessageAt),
});

type Caller = Pick<CallerContext, 'principal' | 'people'>;

function ownerNameFor({ principal, people }: Caller, { owner, projectId }: SessionRecord): string | null {
  if (owner === principal.owner || !principal.projects?.has(projectId ?? '')) return null;
  const { name, email } = people?.byKey(owner) ?? {};
  return name ?? email ?? null;
}

function endOf({ endsAt, life }: SessionRecord): string | null {
  const at = life?.onEnd === 'delete' ? life.endsAt : endsAt;
  return at == null ? null : toIsoTime(at);
}

/** A client can resume from `seq`. `ts` is epoch milliseconds. */
export const Event = z.intersection(SessionFact, z.object({ seq: z.int(), sessionId: z.string(), ts: z.number() }));
export type Event = z.infer<typeof Event>;

/** Sent if the client's cursor is unusable. The client must reload the session; the stream continues after `seq`. */
export interface Resync {
  readonly type: 'resync';
  readonly reason: 'cursor_too_old' | 'cursor_ahead';
  readonly oldestSeq: number;
  readonly latestSeq: number;
  readonly seq: number;
  readonly sessionId: string;
  readonly ts: number;
}

export const SentMessageResult = z.object({ messageId: MessageId, runId: RunId, seq: z.int() });
