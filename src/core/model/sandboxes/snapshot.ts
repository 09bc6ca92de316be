import { z } from 'zod';
import { ResourceOwnership } from '../access/holder.ts';
import { SessionId } from '../ids.ts';
import { StartCommand } from './built-template.ts';

// The blobs stay on this installation, so exports of sessions omit these records.
export const namedSnapshotKind = 'named-snapshot';

export const Snapshot = z.object({
  id: z.string(),
  /** Can include a tag. Null if unnamed or if a newer snapshot has taken the name. */
  name: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  sessionId: SessionId,
  template: z.string(),
  /** From the copied session's built template, which the files depend on. */
  built: z.object({ image: z.string(), start: StartCommand.optional() }).optional(),
  at: z.number(),
  /** The compressed size. */
  bytes: z.int(),
  /** Hex. A session starts with the copy only if the copy's hash still matches. */
  sha256: z.string(),
  ...ResourceOwnership.shape,
});
export type Snapshot = z.infer<typeof Snapshot>;
