import { z } from 'zod';
import { neverFires } from '../core/concurrency/cancel.ts';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done } from './procedure/schemas.ts';
import { NewVolume, Volume, VolumeChange, VolumeEntry, VolumePath, volumeIdOf, volumeView } from './views/volumes.ts';

/** A volume, by its id or name. */
const ofVolume = z.strictObject({ volume: z.string().max(100) });

/** Storage that outlives sessions. `sessions.create` with `volumes` mounts it; REST moves files and archives of any size. */
export const volumesRouter = router({
  list: procedure
    .input(z.strictObject({}).optional())
    .output(z.array(Volume))
    .query(async ({ ctx }) => (await ctx.services.volumes.list()).map(volumeView)),

  get: procedure
    .input(ofVolume)
    .output(Volume)
    .query(async ({ ctx: { services }, input }) =>
      volumeView(await services.volumes.get(await volumeIdOf(services.volumes, input.volume))),
    ),

  create: procedure
    .input(NewVolume)
    .output(Volume)
    .mutation(async ({ ctx, input: { name, quota }, signal = neverFires }) =>
      volumeView(await ctx.services.volumes.create({ name, quotaBytes: quota, signal })),
    ),

  update: procedure
    .input(ofVolume.extend(VolumeChange.shape))
    .output(Volume)
    .mutation(async ({ ctx: { services }, input: { volume, name, quota } }) =>
      volumeView(
        await services.volumes.change(await volumeIdOf(services.volumes, volume), { name, quotaBytes: quota }),
      ),
    ),

  delete: procedure
    .input(ofVolume)
    .output(Done)
    .mutation(async ({ ctx: { services }, input, signal = neverFires }) => {
      await services.volumes.remove(await volumeIdOf(services.volumes, input.volume), signal);
      return done;
    }),

  files: procedure
    .input(ofVolume.extend({ path: VolumePath.default('.') }))
    .output(z.array(VolumeEntry))
    .query(async ({ ctx: { services }, input: { volume, path }, signal = neverFires }) =>
      (await services.volumes.listFiles(await volumeIdOf(services.volumes, volume), path, signal)).map((one) => ({
        ...one,
      })),
    ),

  removeFile: procedure
    .input(ofVolume.extend({ path: VolumePath.min(1) }))
    .output(Done)
    .mutation(async ({ ctx: { services }, input: { volume, path }, signal = neverFires }) => {
      await services.volumes.removeFile(await volumeIdOf(services.volumes, volume), path, signal);
      return done;
    }),
});
