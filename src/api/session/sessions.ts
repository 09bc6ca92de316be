import { z } from 'zod';
import { FallbackRefs, ModelRef } from '../../agents/models/model-ref.ts';
import { ToolProgramsInput } from '../../config/tool-servers.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { ConversationMessage } from '../../core/model/conversation-message.ts';
import { SessionStatus } from '../../core/model/events.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { GitAuthor, RepositoryInputs } from '../../core/model/repository.ts';
import { Goal } from '../../core/model/runs/goal.ts';
import {
  type CreateSessionCommand,
  EffectiveAgent,
  type SessionService,
  SessionSkillInfo,
} from '../../sessions/api/sessions.ts';
import { computeSessionCost, SessionCost } from '../../sessions/services/costs.ts';
import type { TrpcContext } from '../procedure/context.ts';
import { procedure, router } from '../procedure/procedure.ts';
import {
  awaitOkResult,
  OkResult,
  omitUndefined,
  ProjectIdInput,
  Session,
  SessionIdInput,
  TextInput,
  TitleInput,
  toSession,
} from '../procedure/schemas.ts';
import {
  AdoptedSandboxRef,
  BoxName,
  hasMetadata,
  LifetimeSeconds,
  SessionMetadata,
  SkillPins,
  sessionOptionFields,
  toSessionOptions,
} from '../views/session-options.ts';

type Request = Awaited<ReturnType<SessionService['promptAt']>>['request'];

/** The fields of `RecordedRequest` in `src/agents/models/seen-request.ts`. */
const RecordedTurn = z.object({
  turn: z.int(),
  runId: z.string(),
  model: z.string(),
  requestHash: z.string(),
  proved: z.boolean(),
  sections: z.array(z.object({ part: z.string(), text: z.string() })).readonly(),
  pictures: z.record(z.string(), z.string()),
  request: z.object({
    phase: z.custom<Request['phase']>(),
    system: z.string(),
    messages: z.array(ConversationMessage).readonly(),
    runFrom: z.int().optional(),
    note: z.string().optional(),
    noteAt: z.int().optional(),
    earlier: z
      .array(z.object({ before: z.int(), text: z.string() }))
      .readonly()
      .optional(),
    hint: z.string().optional(),
    tools: z.array(z.object({ name: z.string(), description: z.string(), parameters: z.custom<object>() })).readonly(),
    mustCall: z.string().optional(),
    sampling: z.custom<Request['sampling']>().optional(),
  }),
});

const deletedAtOnce = 8;
const byId = z.strictObject({ id: SessionIdInput });
const ofSession = procedure.input(byId);

const NewSession = z.strictObject({
  title: TitleInput.optional(),
  projectId: ProjectIdInput.optional(),
  task: TextInput.optional(),
  goal: Goal.optional(),
  model: ModelRef.optional(),
  fallbacks: FallbackRefs.optional(),
  mcpServers: ToolProgramsInput.optional(),
  template: z.string().max(80).optional(),
  repositories: RepositoryInputs.optional(),
  author: GitAuthor.optional(),
  ...sessionOptionFields,
  /** The id or name of a snapshot, whose files the session starts with. */
  snapshot: z.string().max(130).optional(),
  /** The id or name of a built template, optionally with a tag. */
  built: z.string().max(200).optional(),
  /** A Sandbox (agents.x-k8s.io) in the namespace of this server's sandboxes. Administrators only. */
  adopt: AdoptedSandboxRef.optional(),
});
type NewSession = z.output<typeof NewSession>;
const CreateInput = NewSession.extend({
  /** Idempotency key. A repeated request with the same content returns the first response. */
  clientSessionId: z.string().min(1).max(255).optional(),
});
const NamedBox = NewSession.omit({ task: true, goal: true, adopt: true }).extend({ name: BoxName });

const ListInput = z.strictObject({
  limit: z.int().min(1).max(500).default(100),
  cursor: z.string().optional(),
  status: SessionStatus.optional(),
  projectId: ProjectIdInput.optional(),
  archived: z.boolean().optional(),
  parent: SessionIdInput.optional(),
  metadata: SessionMetadata.optional(),
  /** Searches the title and the messages from users and the agent. */
  search: z.string().trim().min(2).max(200).optional(),
});

async function createSession(ctx: TrpcContext, { task, goal, ...options }: NewSession): Promise<Session> {
  if (goal && task === undefined) throw new AppError('invalid_request', 'goal: needs a task.');
  const { sessions, projects } = ctx.services;
  if (options.projectId !== undefined) await projects.get(options.projectId);
  const { id } = await sessions.create(toCommand(options));
  if (task !== undefined) {
    await sessions.send(id, { text: task, mode: 'inject', ...(goal && { goal }) }).catch(async (error: unknown) => {
      await sessions.delete(id).catch(() => {}); // the caller never gets the id, so nothing else would delete the session
      throw error;
    });
  }
  return toSession(ctx, await sessions.get(id));
}

export const sessionsRouter = router({
  create: procedure
    .input(CreateInput.optional())
    .output(Session)
    .mutation(async ({ ctx, input: { clientSessionId, ...values } = {} }) => {
      if (clientSessionId === undefined) return await createSession(ctx, values);
      return await ctx.once(['sessions.create', clientSessionId], JSON.stringify(values), () =>
        createSession(ctx, values),
      );
    }),

  /**
   * Starts or resumes the sandbox in the background. Concurrent calls with the same `name` get the same session; the
   * other fields apply only to a new one.
   */
  named: procedure
    .input(NamedBox)
    .output(z.object({ session: Session, isNew: z.boolean() }))
    .mutation(async ({ ctx, input: { name, ...options } }) => {
      const { sessions, projects } = ctx.services;
      if (options.projectId !== undefined) await projects.get(options.projectId);
      const { session, isNew } = await sessions.named({ ...toCommand(options), name });
      return { session: toSession(ctx, session), isNew };
    }),

  byName: procedure
    .input(z.strictObject({ name: BoxName }))
    .output(Session)
    .query(async ({ ctx, input }) => toSession(ctx, await ctx.services.sessions.byName(input.name))),

  /** Copies the conversation up to a step or run. `forkedFrom.files` reports whether files were copied. */
  fork: procedure
    .input(byId.extend({ seq: z.int().min(1).optional(), title: TitleInput.optional(), files: z.boolean().optional() }))
    .output(Session)
    .mutation(async ({ ctx, input: { id, ...requested } }) =>
      toSession(ctx, await ctx.services.sessions.fork(id, { origin: 'trpc', ...omitUndefined(requested) })),
    ),

  /** The copy ends before the message at `seq`, which must have started a run. */
  edit: procedure
    .input(
      byId.extend({
        seq: z.int().min(1),
        text: TextInput,
        attachments: z.array(z.string().min(1).max(4_096)).max(100).default([]),
        goal: Goal.optional(),
        /** Stops the session's current run. Otherwise, an edit during a run fails with conflict. */
        stopsRun: z.boolean().default(false),
      }),
    )
    .output(z.object({ session: Session, runId: z.string(), messageId: z.string(), seq: z.int() }))
    .mutation(async ({ ctx, input: { id, goal, ...edit } }) => {
      const command = { origin: 'trpc' as const, ...edit, ...(goal && { goal }) };
      const { session, sent } = await ctx.services.sessions.edit(id, command);
      return { session: toSession(ctx, session), ...sent };
    }),

  get: ofSession
    .output(Session)
    .query(async ({ ctx, input }) => toSession(ctx, await ctx.services.sessions.get(input.id))),

  list: procedure
    .input(ListInput.optional())
    .output(z.object({ items: z.array(Session), nextCursor: z.string().nullable() }))
    .query(async ({ ctx, input }) => {
      const { limit, cursor, status, projectId, archived, parent, metadata, search } = input ?? ListInput.parse({});
      if (projectId !== undefined) await ctx.services.projects.get(projectId);
      const after = cursor === undefined ? undefined : parsePlace(cursor);
      const pairs = Object.entries(metadata ?? {});
      const keep = (one: SessionRecord) =>
        hasMetadata(one.metadata, pairs) &&
        (status === undefined || one.status === status) &&
        (archived === undefined || one.archived === archived) &&
        (parent === undefined || one.parent?.sessionId === parent) &&
        isOf(one, projectId);
      const query = {
        limit: limit + 1,
        after,
        keep,
        ...(status && { status }),
        ...(projectId !== undefined && { projectId }),
        ...(search !== undefined && { search: { text: search } }),
      };
      const requested = (await ctx.services.sessions.list(query))
        .filter(keep)
        .sort(byPlace)
        .filter((one) => after === undefined || byPlace(after, one) < 0);
      const items = requested.slice(0, limit);
      const last = items.at(-1);
      return {
        items: items.map((one) => toSession(ctx, one)),
        nextCursor: last && requested.length > limit ? `${last.latestMessageAt}.${last.id}` : null,
      };
    }),

  /** `turn` defaults to the newest turn. */
  promptAt: procedure
    .input(byId.extend({ turn: z.int().min(1).max(99_999_999).optional() }))
    .output(RecordedTurn)
    .query(({ ctx, input: { id, turn } }) => ctx.services.sessions.promptAt(id, turn)),

  agent: ofSession.output(EffectiveAgent).query(({ ctx, input }) => ctx.services.sessions.agent(input.id)),

  /** Lists workspace skills only if the sandbox is running. */
  skills: ofSession
    .output(z.array(SessionSkillInfo))
    .query(async ({ ctx, input }) => [...(await ctx.services.sessions.skills(input.id, ctx.signal))]),

  /** Grouped by the event that caused each turn, such as a message or a tool's result. */
  cost: ofSession
    .output(SessionCost)
    .query(({ ctx, input: { id } }) => computeSessionCost(ctx.services.sessions.history(id))),

  update: procedure
    .input(
      byId.extend({
        title: TitleInput.optional(),
        /** Unique among the owner's sessions. Null removes the name. */
        name: BoxName.nullable().optional(),
        favorite: z.boolean().optional(),
        pinned: z.boolean().optional(),
        archived: z.boolean().optional(),
        unread: z.literal(0).optional(),
        /** Replaces all metadata. */
        metadata: SessionMetadata.optional(),
        /** Counted from this request. Null removes the limit. */
        lifetimeSeconds: LifetimeSeconds.nullable().optional(),
        /** Replaces the session's own skills. Takes effect on the next turn. */
        skills: SkillPins.optional(),
        /** Takes effect on the next turn. */
        model: ModelRef.optional(),
      }),
    )
    .output(Session)
    .mutation(async ({ ctx, input: { id, ...change } }) =>
      toSession(ctx, await ctx.services.sessions.update(id, omitUndefined(change))),
    ),

  delete: ofSession
    .output(OkResult)
    .mutation(({ ctx, input }) => awaitOkResult(ctx.services.sessions.delete(input.id))),

  /** Returns an error code for each session that was not deleted. */
  deleteMany: procedure
    .input(z.strictObject({ ids: z.array(SessionIdInput).min(1).max(500) }))
    .output(z.object({ deleted: z.array(z.string()), kept: z.array(z.object({ id: z.string(), code: z.string() })) }))
    .mutation(async ({ ctx, input }) => {
      const ids = [...new Set(input.ids)];
      const kept: { id: string; code: string }[] = [];
      for (let at = 0; at < ids.length; at += deletedAtOnce) {
        await Promise.all(
          ids
            .slice(at, at + deletedAtOnce)
            .map((id) =>
              ctx.services.sessions
                .delete(id)
                .catch((error: unknown) => kept.push({ id, code: toAppError(error).code })),
            ),
        );
      }
      const stayed = new Set(kept.map(({ id }) => id));
      return { deleted: ids.filter((id) => !stayed.has(id)), kept };
    }),

  watch: procedure.subscription(({ ctx }) => news(ctx, ctx.signal)),
});

function toCommand({
  title,
  projectId,
  model,
  fallbacks,
  mcpServers: toolServers,
  template,
  repositories,
  author,
  snapshot,
  built,
  ...options
}: Omit<NewSession, 'task' | 'goal'>): Omit<CreateSessionCommand, 'task'> {
  const own = { title, projectId, model, fallbacks, toolServers, template, repositories, author, snapshot, built };
  return { origin: 'trpc', ...omitUndefined(own), ...toSessionOptions(options) };
}

export interface SessionListChange {
  readonly type: 'changed' | 'deleted';
  readonly session: Session;
}

async function* news(ctx: TrpcContext, signal: AbortSignal): AsyncGenerator<SessionListChange> {
  for await (const { type, session } of ctx.services.sessions.watch(signal)) {
    yield { type, session: toSession(ctx, session) };
    await ctx.drained();
  }
}

/** Newest message first, with the id as a tie-breaker. */
type ListPosition = Pick<SessionRecord, 'latestMessageAt'> & { readonly id: string };

const byPlace = (a: ListPosition, b: ListPosition) =>
  b.latestMessageAt - a.latestMessageAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

function parsePlace(cursor: string): ListPosition {
  const [, at, id] = /^(\d{1,16})\.([0-9a-f]{16})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) {
    throw new AppError('invalid_request', 'cursor: must be the `nextCursor` of an earlier page.');
  }
  return { latestMessageAt: Number(at), id };
}

const isOf = (session: SessionRecord, projectId: string | undefined) =>
  projectId === undefined || session.projectId === projectId;
