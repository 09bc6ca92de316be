import { z } from 'zod';
import type { Snapshot as Stored } from '../../core/model/sandboxes/snapshot.ts';

export const SnapshotName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}(:[a-z0-9][a-z0-9._-]{0,62})?$/, 'must be a name such as build-cache, or name:tag');
export const SnapshotLabels = z
  .record(z.string().min(1).max(64), z.string().max(256))
  .refine((labels) => Object.keys(labels).length <= 32, 'can have 32 labels');
export const SnapshotInput = z.strictObject({
  name: SnapshotName.optional().describe('a name, optionally with a tag (cache:v2), taken from an older snapshot'),
  labels: SnapshotLabels.optional().describe('labels, such as branch=main'),
});
export const Snapshot = z.object({
  id: z.string(),
  name: z.string().nullable(),
  projectId: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  sessionId: z.string(),
  template: z.string(),
  createdAt: z.iso.datetime(),
  bytes: z.int().describe('the size of the copy, compressed'),
  sha256: z.string(),
});

export const toSnapshotView = ({
  at,
  projectId = null,
  owner: _,
  built: __,
  ...rest
}: Stored): z.input<typeof Snapshot> => ({
  ...rest,
  projectId,
  createdAt: new Date(at).toISOString(),
});
export const snapshotExample: z.output<typeof Snapshot> = {
  id: 'snap-0123456789abcdef',
  name: 'build-cache',
  projectId: null,
  labels: { branch: 'main' },
  sessionId: '0123456789abcdef',
  template: 'default',
  createdAt: '2026-11-24T12:00:00.000Z',
  bytes: 12_345,
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
};
export const maxForks = 20;
export const ForkCount = z.int().min(1).max(maxForks);
export const ForkResult = z.union([
  z.object({ sessionId: z.string() }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
]);
