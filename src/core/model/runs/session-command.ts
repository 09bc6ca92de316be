import { z } from 'zod';
import { ApiBlock, ExternalToolResult, ProtocolViolationReport } from '../events.ts';
import { MessageId, RunId } from '../ids.ts';
import { Goal } from './goal.ts';

const Decision = z.object({
  callId: z.string(),
  decision: z.enum(['approved', 'rejected']),
  text: z.string().exactOptional(),
  args: z.record(z.string(), z.unknown()).exactOptional(),
  /** From a client or worker. If set, the server does not run the tool. */
  result: ExternalToolResult.exactOptional(),
  /** Also approves the tool's pending calls and all its later calls in this session. */
  always: z.boolean().exactOptional(),
});
export type CallDecision = z.infer<typeof Decision>;

const commandId = z.string();
const bare = <Type extends string>(type: Type) => z.object({ type: z.literal(type), commandId });

/** Each command gets one answer, matched by `commandId`. */
export const SessionCommand = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('cmd.send'),
      commandId,
      mode: z.enum(['inject', 'queue', 'replace']),
      text: z.string(),
      attachments: z.array(z.string()).readonly(),
      clientTimestamp: z.number().optional(),
      messageId: MessageId,
      runId: RunId,
      plans: z.boolean().exactOptional(),
      blocks: z.array(ApiBlock).readonly().exactOptional(),
      /** A message with a goal always starts a new run. */
      goal: Goal.exactOptional(),
      /** Another server may already have sent this message. */
      isRepeatable: z.boolean().exactOptional(),
    })
    .transform((send) => ({ ...send, clientTimestamp: send.clientTimestamp })),
  /** The first decision on each call applies. `by`: `user` or `program`. */
  z.object({
    type: z.literal('cmd.decide'),
    commandId,
    by: z.string(),
    ...Decision.shape,
    also: z.array(Decision).readonly().exactOptional(),
  }),
  bare('cmd.stop'),
  bare('cmd.delete'),
  bare('cmd.touch'),
  /** Requests a sandbox, which stays in use until `sandbox.done`. */
  bare('sandbox.use'),
  bare('sandbox.done'),
  /** Keeps the files. Answered after the stop; `stopped` is false if there was no sandbox. */
  bare('sandbox.stop'),
  /** Freezes the processes. Answered immediately; the log records the completed pause. */
  bare('sandbox.pause'),
  /** Allows a new sandbox after an untrusted one. */
  bare('sandbox.permit'),
  z.object({ type: z.literal('sandbox.distrust'), commandId, breach: ProtocolViolationReport }),
]);
export type SessionCommand = z.infer<typeof SessionCommand>;
