import { z } from 'zod';
import type { SessionCommand } from '../../../machines/session.ts';
import { AppError } from '../../core/errors/errors.ts';
import { ApiBlock, CallAnswer, ForkFiles, ViolationData } from '../../core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../core/model/ids.ts';
import { Goal } from '../../core/model/runs/goal.ts';
import type { SandboxFact } from '../engine/sandbox/sandbox-facts.ts';
import type { RecordChange } from '../engine/session-commands.ts';
import { StoredSession } from '../run/log/projection.ts';
import type { RemoteCommand } from './remote-commands.ts';

const commandId = z.string();
const bare = <Type extends SessionCommand['type']>(type: Type) => z.object({ type: z.literal(type), commandId });

const Decision = z.object({
  callId: z.string(),
  decision: z.enum(['approved', 'rejected']),
  text: z.string().exactOptional(),
  args: z.record(z.string(), z.unknown()).exactOptional(),
  result: CallAnswer.exactOptional(),
  always: z.boolean().exactOptional(),
});
const Command = z.discriminatedUnion('type', [
  z
    .object({
      type: z.literal('cmd.send'),
      commandId,
      mode: z.enum(['inject', 'queue', 'replace']),
      text: z.string(),
      attachments: z.array(z.string()),
      clientTimestamp: z.number().optional(),
      messageId: MessageId,
      runId: RunId,
      plans: z.boolean().exactOptional(),
      blocks: z.array(ApiBlock).exactOptional(),
      goal: Goal.exactOptional(),
      isRepeatable: z.boolean().exactOptional(),
    })
    .transform((send) => ({ ...send, clientTimestamp: send.clientTimestamp })),
  z.object({
    type: z.literal('cmd.decide'),
    commandId,
    by: z.string(),
    ...Decision.shape,
    also: z.array(Decision).exactOptional(),
  }),
  bare('cmd.stop'),
  bare('cmd.delete'),
  bare('cmd.touch'),
  bare('sandbox.use'),
  bare('sandbox.done'),
  bare('sandbox.stop'),
  bare('sandbox.pause'),
  bare('sandbox.permit'),
  z.object({ type: z.literal('sandbox.distrust'), commandId, breach: ViolationData }),
]);
const Fact = z.object({
  type: z.enum(['egress', 'sandbox.phase', 'desktop', 'sandbox.disk_exceeded', 'repository']),
  data: z.unknown(),
}) satisfies z.ZodType<SandboxFact>;

const Forked = z.object({ from: SessionId, to: SessionId, atSeq: z.int(), files: ForkFiles });
/** The posted fields only: the partial schema alone would add the defaults of the other fields. */
const Change = z.record(z.string(), z.unknown()).transform((input) => {
  const parsed = Object.entries(StoredSession.partial().extend({ forked: Forked.optional() }).parse(input));
  return Object.fromEntries(parsed.filter(([name]) => name in input)) as RecordChange;
});

const Posted = z.discriminatedUnion('name', [
  z.object({ name: z.literal('change'), body: Change }),
  z.object({ name: z.literal('note'), body: Fact }),
  z.object({ name: z.literal('use'), body: z.unknown() }),
  z.object({ name: z.literal('command'), body: Command }),
]);

/** Parses a command that another server put into the store. Rejects: unsupported (another version wrote it). */
export function parsePosted({ name, body }: RemoteCommand) {
  try {
    return Posted.parse({ name, body });
  } catch (cause) {
    const text = 'This server cannot read the command of another server. Run one version of Corral.';
    throw new AppError('unsupported', text, { cause });
  }
}
