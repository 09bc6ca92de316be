import { z } from 'zod';
import { Goal } from '../../core/model/runs/goal.ts';
import { procedure, router, sessionProcedure } from '../procedure/procedure.ts';
import { SentMessageResult, sessionTarget, TextInput } from '../procedure/schemas.ts';

const SendInput = sessionTarget.extend({
  text: TextInput,
  mode: z.enum(['inject', 'queue', 'replace']).default('inject'),
  attachments: z.array(z.string().min(1).max(4_096)).max(100).default([]),
  /** Starts a separate run, which is judged against the goal. */
  goal: Goal.optional(),
  /** Idempotency key. A repeated request with the same content returns the first response. */
  clientMessageId: z.string().min(1).max(255).optional(),
});

const CallId = z.string().min(1).max(255);
const Decision = z.object({ callId: z.string(), decision: z.enum(['approved', 'rejected']) });

export const runsRouter = router({
  send: procedure
    .input(SendInput)
    .output(SentMessageResult)
    .mutation(async ({ ctx, input: { sessionId, clientMessageId, goal, ...message } }) => {
      const { sessions } = ctx.services;
      const command = { ...message, ...(goal && { goal }) };
      if (clientMessageId === undefined) return await sessions.send(sessionId, command);
      await sessions.get(sessionId); // an unknown session must not use up the client message id
      const { text, mode, attachments } = message;
      const content = JSON.stringify([text, mode, attachments, ...(goal ? [goal] : [])]);
      return await ctx.once(['runs.send', sessionId, clientMessageId], content, () =>
        sessions.send(sessionId, command),
      );
    }),

  /** `args` replaces the arguments. `always` approves the tool for the session. */
  approve: procedure
    .input(
      sessionTarget.extend({
        callId: CallId,
        args: z.record(z.string(), z.unknown()).optional(),
        always: z.boolean().default(false),
      }),
    )
    .output(Decision)
    .mutation(({ ctx, input: { sessionId, callId, args, always } }) =>
      ctx.services.sessions.decide(sessionId, {
        callId,
        decision: 'approved',
        by: 'user',
        ...(args && { args }),
        ...(always && { always }),
      }),
    ),

  reject: procedure
    .input(sessionTarget.extend({ callId: CallId, text: TextInput.optional() }))
    .output(Decision)
    .mutation(({ ctx, input: { sessionId, callId, text } }) =>
      ctx.services.sessions.decide(sessionId, {
        callId,
        decision: 'rejected',
        by: 'user',
        ...(text !== undefined && { text }),
      }),
    ),

  stop: sessionProcedure
    .output(z.object({ stopped: z.boolean() }))
    .mutation(({ ctx, input }) => ctx.services.sessions.stop(input.sessionId)),
});
