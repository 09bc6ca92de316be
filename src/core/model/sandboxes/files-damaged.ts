import { z } from 'zod';

/** Stored files that were damaged, and the copy that replaced them. */
export const FilesDamage = z.object({
  /** The copy that replaced the files: its place in the log, and when it was made; null: there was no whole copy. */
  copy: z.object({ seq: z.int(), at: z.number().nullable() }).nullable(),
  /** The first paths that are gone or older now. */
  lost: z.array(z.string()),
  /** The number of those paths; null: unknown. */
  lostCount: z.int().nullable(),
  /** The folder of the workspace that has the damaged files now; null: nothing was moved. */
  aside: z.string().nullable(),
  detail: z.string(),
});
export type FilesDamage = z.infer<typeof FilesDamage>;

/** The same, and when it was found, epoch ms. */
export const FilesDamaged = FilesDamage.extend({ at: z.number() });
export type FilesDamaged = z.infer<typeof FilesDamaged>;
