import { z } from 'zod';
import { ApiBlock, CallAnswer, ViolationData } from '../events.ts';
import { MessageId, RunId } from '../ids.ts';
import { Goal } from './goal.ts';

/** The decision on one call. */
const Decision = z.object({
  callId: z.string(),
  decision: z.enum(['approved', 'rejected']),
  /** A note to the model. */
  text: z.string().exactOptional(),
  /** An approved call runs with these arguments instead of the model's. */
  args: z.record(z.string(), z.unknown()).exactOptional(),
  /** The result of a call that the session's program or a worker carries out; the tool itself is then not run. */
  result: CallAnswer.exactOptional(),
  /** Further calls of the approved call's tool need no permission in this session. */
  always: z.boolean().exactOptional(),
});
export type Decision = z.infer<typeof Decision>;

const commandId = z.string();
const bare = <Type extends string>(type: Type) => z.object({ type: z.literal(type), commandId });

/** The commands to a session. Each is answered once, under its `commandId`. */
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
      /** Id of the run that the message starts, if it starts one. */
      runId: RunId,
      plans: z.boolean().exactOptional(),
      blocks: z.array(ApiBlock).readonly().exactOptional(),
      /** A message with a goal starts its own run: it is not injected and answers no question. */
      goal: Goal.exactOptional(),
      /** Another server may already have sent this message. */
      isRepeatable: z.boolean().exactOptional(),
    })
    .transform((send) => ({ ...send, clientTimestamp: send.clientTimestamp })),
  /**
   * Decides a pending call, and `also` further ones in the same step. The first decision on each applies. `by`: the
   * person who decides.
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
  /** Loads the session into memory and does nothing else. */
  bare('cmd.touch'),
  /** Requests a ready sandbox. The caller counts as its user until `sandbox.done`. */
  bare('sandbox.use'),
  bare('sandbox.done'),
  /** Ends the sandbox and keeps its files. Answered with `stopped` once the sandbox is gone. */
  bare('sandbox.stop'),
  /** Freezes the sandbox's processes until its next use. Answered immediately; the log records when it is done. */
  bare('sandbox.pause'),
  /** A person permits a new sandbox after the last one could not be trusted. */
  bare('sandbox.permit'),
  /** Another server found that the sandbox cannot be trusted. */
  z.object({ type: z.literal('sandbox.distrust'), commandId, breach: ViolationData }),
]);
export type SessionCommand = z.infer<typeof SessionCommand>;
