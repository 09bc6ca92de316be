import { z } from 'zod';

const pictures = z.array(z.object({ file: z.string(), mimeType: z.string() })).readonly();
const calls = z
  .array(z.object({ callId: z.string(), name: z.string(), args: z.unknown(), confirm: z.string().optional() }))
  .readonly();

/** The format in the store and in Corral's own API. `Message` in `src/agents/models/model.ts` documents the fields. */
export const ConversationMessage = z.discriminatedUnion('role', [
  z.object({ role: z.literal('user'), text: z.string(), pictures: pictures.optional() }),
  z.object({
    role: z.literal('tool'),
    callId: z.string(),
    name: z.string(),
    output: z.string(),
    success: z.boolean(),
    pictures: pictures.optional(),
    page: z.string().optional(),
    confirmed: z.literal(true).optional(),
  }),
  z.object({
    role: z.literal('assistant'),
    model: z.string(),
    text: z.string(),
    calls,
    raw: z.array(z.unknown()).readonly(),
  }),
]);
