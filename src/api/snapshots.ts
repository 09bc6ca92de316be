import { z } from 'zod';
import { neverFires } from '../core/concurrency/cancel.ts';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done, ofSession } from './procedure/schemas.ts';
import { Snapshot, SnapshotInput, snapshotView } from './views/snapshots.ts';

const ofSnapshot = z.strictObject({ id: z.string().max(100) });

/** Copies of the files of sandboxes that outlive them. `sessions.create` with `snapshot` begins with one. */
export const snapshotsRouter = router({
  list: procedure
    .input(z.strictObject({}).optional())
    .output(z.array(Snapshot))
    .query(async ({ ctx }) => (await ctx.services.snapshots.list()).map(snapshotView)),

  get: procedure
    .input(ofSnapshot)
    .output(Snapshot)
    .query(async ({ ctx, input }) => snapshotView(await ctx.services.snapshots.get(input.id))),

  /** Starts a sandbox that does not run. Resolves when the copy is whole. */
  create: procedure
    .input(ofSession.extend(SnapshotInput.shape))
    .output(Snapshot)
    .mutation(async ({ ctx, input: { sessionId, name, labels }, signal = neverFires }) =>
      snapshotView(await ctx.services.snapshots.make(sessionId, { name, labels, signal })),
    ),

  update: procedure
    .input(ofSnapshot.extend(SnapshotInput.shape))
    .output(Snapshot)
    .mutation(async ({ ctx, input: { id, ...change } }) =>
      snapshotView(await ctx.services.snapshots.label(id, change)),
    ),

  delete: procedure
    .input(ofSnapshot)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.snapshots.remove(input.id);
      return done;
    }),
});
