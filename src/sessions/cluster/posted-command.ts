import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { ForkFilesStatus } from '../../core/model/events.ts';
import { SessionId } from '../../core/model/ids.ts';
import { SessionCommand } from '../../core/model/runs/session-command.ts';
import type { SandboxFact } from '../engine/sandbox/sandbox-facts.ts';
import type { SessionRecordChange } from '../engine/session-commands.ts';
import { StoredSession } from '../run/log/projection.ts';
import type { RemoteCommand } from './remote-commands.ts';

const Fact = z.object({
  type: z.enum(['egress', 'sandbox.phase', 'desktop', 'sandbox.disk_exceeded', 'repository']),
  data: z.unknown(),
}) satisfies z.ZodType<SandboxFact>;

const Forked = z.object({ from: SessionId, to: SessionId, atSeq: z.int(), files: ForkFilesStatus });
/** Only the posted fields: the partial schema would add defaults for the others. */
const Change = z.record(z.string(), z.unknown()).transform((input) => {
  const parsed = Object.entries(StoredSession.partial().extend({ forked: Forked.optional() }).parse(input));
  return Object.fromEntries(parsed.filter(([name]) => name in input)) as SessionRecordChange;
});

const Posted = z.discriminatedUnion('name', [
  z.object({ name: z.literal('change'), body: Change }),
  z.object({ name: z.literal('note'), body: Fact }),
  z.object({ name: z.literal('use'), body: z.unknown() }),
  z.object({ name: z.literal('command'), body: SessionCommand }),
]);

/** Throws: unsupported (posted by another version). */
export function parsePostedCommand({ name, body }: RemoteCommand) {
  try {
    return Posted.parse({ name, body });
  } catch (cause) {
    const text = 'This server cannot read the command of another server. Run one version of Corral.';
    throw new AppError('unsupported', text, { cause });
  }
}
