import { z } from 'zod';
import { ResourceOwnership } from '../access/holder.ts';
import { SessionId } from '../ids.ts';
import { StartCommand } from './built-template.ts';

// Snapshots that users keep. Their blobs stay on this installation, so exports of sessions omit them.
export const namedSnapshotKind = 'named-snapshot';

/** A copy of a sandbox's files that outlives the session. New sessions can start from the copy. */
export const Snapshot = z.object({
  id: z.string(),
  /** Can include a tag. Null: no name was chosen, or a newer snapshot took over the name. */
  name: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  sessionId: SessionId,
  /** The template of the copied session. A new session from this snapshot starts with it. */
  template: z.string(),
  /**
   * The image and start command of the built template that the session started with. Without them, the files would be
   * incomplete.
   */
  built: z.object({ image: z.string(), start: StartCommand.optional() }).optional(),
  at: z.number(),
  /** Size of the compressed copy. */
  bytes: z.int(),
  /** The hash of the copy, in hex. A session starts with the copy only if its hash still matches. */
  sha256: z.string(),
  ...ResourceOwnership.shape,
});
export type Snapshot = z.infer<typeof Snapshot>;
