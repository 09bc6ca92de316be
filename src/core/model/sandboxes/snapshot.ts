import { z } from 'zod';
import { Holder } from '../access/holder.ts';
import { SessionId } from '../ids.ts';
import { StartCommand } from './built-template.ts';

// Copies of files that people keep. Their blobs stay on this installation, so an export of sessions leaves them out.
export const namedSnapshotKind = 'named-snapshot';

/** A copy of the files of a sandbox, which outlives its session. Sessions can begin with it. */
export const Snapshot = z.object({
  id: z.string(),
  /** The name that its owner gave it, with a tag where it has one; null: none, or a newer snapshot took the name. */
  name: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  /** The session whose files it has. */
  sessionId: SessionId,
  /** The template and the choices of that session, which a new session from this snapshot begins with. */
  template: z.string(),
  /**
   * The image of the built template that the session began with, and its program. Files without the memory would be
   * incomplete.
   */
  built: z.object({ image: z.string(), start: StartCommand.optional() }).optional(),
  at: z.number(),
  /** The size of the copy, compressed. */
  bytes: z.int(),
  /** The hash of the copy, in hex. A session begins with the copy only while it has this hash. */
  sha256: z.string(),
  ...Holder.shape,
});
export type Snapshot = z.infer<typeof Snapshot>;
