import { tracked } from '@trpc/server';
import { z } from 'zod';
import type { LogUpdate } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { TrpcContext } from '../procedure/context.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { CursorInput, Event, type Resync, sessionTarget } from '../procedure/schemas.ts';

export const eventsRouter = router({
  list: procedure
    .input(
      sessionTarget.extend({
        afterSeq: z.int().min(0).default(0),
        limit: z.int().min(1).max(1_000).default(500),
      }),
    )
    .output(z.object({ events: z.array(Event), lastSeq: z.int() }))
    .query(async ({ ctx, input: { sessionId, afterSeq, limit } }) => {
      const { events, head } = await ctx.services.sessions.page(sessionId, afterSeq, limit);
      return { events, lastSeq: head };
    }),

  subscribe: procedure
    .input(sessionTarget.extend({ lastEventId: CursorInput }))
    // Read the position before the stream opens, so that no event is missed.
    .subscription(async ({ ctx, input: { sessionId, lastEventId } }) => {
      const { sessions } = ctx.services;
      const { lastSeq: head } = await sessions.get(sessionId);
      const active = lastEventId === undefined ? await sessions.activeRun(sessionId) : undefined;
      const after = lastEventId ?? (active ? active.startedSeq - 1 : head);
      return follow(ctx, { sessionId, after, head }, ctx.signal);
    }),
});

interface StreamPosition {
  readonly sessionId: SessionId;
  readonly after: number;
  /** Newest seq at the start. Up to it, sending pauses after each event until the connection has drained. */
  readonly head: number;
}

async function* follow(
  ctx: TrpcContext,
  { sessionId, after, head }: StreamPosition,
  signal: AbortSignal,
): AsyncGenerator<TrackedItem> {
  const { sessions } = ctx.services;
  using _watching = sessions.watching(sessionId);
  for await (const item of sessions.follow(sessionId, after, { signal, deltas: true })) {
    for (const reply of item.kind === 'events' ? item.events : [resync(sessionId, item, ctx.clock.now())]) {
      yield tracked(String(reply.seq), reply);
      if (reply.seq <= head) await ctx.drained();
    }
  }
}
type TrackedItem = ReturnType<typeof tracked<Event | Resync>>;

function resync(sessionId: SessionId, item: Extract<LogUpdate, { kind: 'resync' }>, ts: number): Resync {
  return {
    type: 'resync',
    reason: item.reason === 'cursor_ahead' ? 'cursor_ahead' : 'cursor_too_old',
    oldestSeq: item.oldest,
    latestSeq: item.head,
    seq: item.head,
    sessionId,
    ts,
  };
}
