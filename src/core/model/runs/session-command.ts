import { z } from 'zod';
import { ApiBlock, ExternalToolResult, ProtocolViolationReport } from '../events.ts';
import { MessageId, RunId } from '../ids.ts';
import { Goal } from './goal.ts';

const Decision = z.object({
  callId: z.string(),
  decision: z.enum(['approved', 'rejected']),
  text: z.string().exactOptional(),
  /** An approved call runs with these arguments instead of the model's. */
  args: z.record(z.string(), z.unknown()).exactOptional(),
  /** The result of a call that the session's client or a worker runs; the server then does not run the tool. */
  result: ExternalToolResult.exactOptional(),
  /** Also approves the tool's other pending calls. Further calls of the tool in this session need no approval. */
  always: z.boolean().exactOptional(),
});
export type CallDecision = z.infer<typeof Decision>;

const commandId = z.string();
const bare = <Type extends string>(type: Type) => z.object({ type: z.literal(type), commandId });

/** Commands sent to a session. Each gets one answer, matched by `commandId`. */
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
      /** A message with a goal always starts a new run: it is not injected into a running one and answers no question. */
      goal: Goal.exactOptional(),
      /** Another server may already have sent this message. */
      isRepeatable: z.boolean().exactOptional(),
    })
    .transform((send) => ({ ...send, clientTimestamp: send.clientTimestamp })),
  /**
   * Decides a pending call and, in the same step, the calls in `also`. The first decision on each call applies. `by`:
   * `user`, or `program` for a client or worker of the Managed Agents API.
   */
  z.object({
    type: z.literal('cmd.decide'),
    commandId,
    by: z.string(),
    ...Decision.shape,
    also: z.array(Decision).readonly().exactOptional(),
  }),
  bare('cmd.stop'),
  bare('cmd.delete'),
  /** Only loads the session into memory. */
  bare('cmd.touch'),
  /** Requests a ready sandbox. The sandbox is in use by the caller until `sandbox.done`. */
  bare('sandbox.use'),
  bare('sandbox.done'),
  /**
   * Stops the sandbox and keeps its files. Answered once the sandbox has stopped; `stopped` in the answer is false if there
   * was no sandbox to stop.
   */
  bare('sandbox.stop'),
  /** Freezes the sandbox's processes until its next use. Answered immediately; the log records the completed pause. */
  bare('sandbox.pause'),
  /** A person allows a new sandbox after the last sandbox was found untrusted. */
  bare('sandbox.permit'),
  z.object({ type: z.literal('sandbox.distrust'), commandId, breach: ProtocolViolationReport }),
]);
export type SessionCommand = z.infer<typeof SessionCommand>;
