import { z } from 'zod';

export const WorkspaceDamage = z.object({
  /** The replacement copy: its log seq and creation time. Null if there was none. */
  copy: z.object({ seq: z.int(), at: z.number().nullable() }).nullable(),
  /** Paths that are missing, outdated or damaged; only the first ones if there are many. */
  lost: z.array(z.string()),
  /** The total number of such paths. Null if unknown. */
  lostCount: z.int().nullable(),
  /** The folder that now contains the damaged files. Null if nothing was moved. */
  aside: z.string().nullable(),
  detail: z.string(),
});
export type WorkspaceDamage = z.infer<typeof WorkspaceDamage>;

/** `at`: when the damage was found, in epoch ms. */
export const WorkspaceDamageReport = WorkspaceDamage.extend({ at: z.number() });
export type WorkspaceDamageReport = z.infer<typeof WorkspaceDamageReport>;
