import { z } from 'zod';
import { ConversationMessage } from '../../core/model/conversation-message.ts';
import type { SessionService } from '../../sessions/api/sessions.ts';

type Request = Awaited<ReturnType<SessionService['promptAt']>>['request'];

/** Has the fields of `RecordedRequest` in `src/agents/models/seen-request.ts`. */
export const RecordedTurn = z.object({
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
