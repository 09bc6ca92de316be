import { z } from 'zod';
import type { SessionService } from '../../session/api/sessions.ts';

type Request = Awaited<ReturnType<SessionService['promptAt']>>['request'];

const Picture = z.object({ file: z.string(), mimeType: z.string() });
const Message = z.discriminatedUnion('role', [
  z.object({ role: z.literal('user'), text: z.string(), pictures: z.array(Picture).readonly().optional() }),
  z.object({
    role: z.literal('tool'),
    callId: z.string(),
    name: z.string(),
    output: z.string(),
    success: z.boolean(),
    pictures: z.array(Picture).readonly().optional(),
  }),
  z.object({
    role: z.literal('assistant'),
    model: z.string(),
    text: z.string(),
    calls: z.array(z.object({ callId: z.string(), name: z.string(), args: z.unknown() })).readonly(),
    raw: z.array(z.unknown()).readonly(),
  }),
]);

/** The request of one turn. Its fields are those of `TurnRequest` in `src/llm/model.ts`. */
export const SeenTurn = z.object({
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
    messages: z.array(Message).readonly(),
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
