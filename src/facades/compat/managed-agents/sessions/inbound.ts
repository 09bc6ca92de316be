import { z } from 'zod';
import { invalidRequestError, unsupportedFieldError } from '../errors.ts';
import { parseInput } from '../wire.ts';

const text = z.strictObject({ type: z.literal('text'), text: z.string().min(1) });
const fileSource = z.strictObject({ type: z.literal('file'), file_id: z.string() });
const base64 = z.strictObject({ type: z.literal('base64'), media_type: z.string(), data: z.string() });
const urlSource = z.strictObject({ type: z.literal('url'), url: z.string() });
const plain = z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string() });
const image = z.strictObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [fileSource, base64, urlSource]),
});
const document = z.strictObject({
  type: z.literal('document'),
  source: z.discriminatedUnion('type', [fileSource, base64, urlSource, plain]),
  title: z.string().nullable().optional(),
  context: z.string().nullable().optional(),
});
export const MessageContent = z.discriminatedUnion('type', [text, image, document]);
const search = z.looseObject({ type: z.literal('search_result') });
export const ResultContent = z.discriminatedUnion('type', [text.extend({ text: z.string() }), image, document, search]);
const eventId = z.string().min(1).max(200);
const result = {
  content: z.array(ResultContent).max(100).nullable().optional(),
  is_error: z.boolean().nullable().optional(),
};
const thread = { session_thread_id: z.string().nullable().optional() };

export const UserMessage = z.strictObject({
  type: z.literal('user.message'),
  content: z.array(MessageContent).min(1).max(100),
});
const notBlank = z.string().refine((value) => value.trim() !== '', 'must not be blank');
const DefineOutcome = z.strictObject({
  type: z.literal('user.define_outcome'),
  description: notBlank,
  rubric: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text'), content: notBlank.max(262_144) }),
    fileSource,
  ]),
  max_iterations: z.int().min(1).max(20).nullable().optional(),
});
const Inbound = z.discriminatedUnion('type', [
  UserMessage,
  z.strictObject({ type: z.literal('user.interrupt'), ...thread }),
  z
    .strictObject({
      type: z.literal('user.tool_confirmation'),
      tool_use_id: eventId,
      result: z.enum(['allow', 'deny']),
      deny_message: z.string().max(10_000).nullable().optional(),
      ...thread,
    })
    .refine(
      ({ result: value, deny_message: why }) => value === 'deny' || why == null,
      'deny_message needs result "deny"',
    ),
  z.strictObject({ type: z.literal('user.custom_tool_result'), custom_tool_use_id: eventId, ...result, ...thread }),
  z.strictObject({ type: z.literal('user.tool_result'), tool_use_id: eventId, ...result, ...thread }),
  DefineOutcome,
  z.looseObject({ type: z.literal('system.message') }),
]);
export type InboundEvent = Exclude<z.output<typeof Inbound>, { type: 'system.message' }>;
const EventsBody = z.strictObject({ events: z.array(z.unknown()).min(1).max(1_000) });

/** Checks all events before any is processed. Throws: invalid_request. */
export const parseInboundEvents = (body: unknown): InboundEvent[] =>
  parseInput(EventsBody, body).events.map(parseInboundEvent);

export function parseInboundEvent(input: unknown, n = 0): InboundEvent {
  const event = parseInput(z.object({ events: z.tuple([Inbound]) }), { events: [input] }).events[0];
  if (event.type === 'user.define_outcome' && event.rubric.type === 'file')
    throw unsupportedFieldError(`events.${n}.rubric.type "file"`, 'send the rubric as text');
  if (event.type === 'system.message')
    throw invalidRequestError(
      `events.${n}: the model takes no system message in a conversation.`,
      'model_does_not_support_mid_conversation_system',
    );
  return event;
}
