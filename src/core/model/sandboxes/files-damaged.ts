import { z } from 'zod';

export const WorkspaceDamage = z.object({
  /** The copy that replaced the files: its seq in the log and its creation time; null: no copy replaced them. */
  copy: z.object({ seq: z.int(), at: z.number().nullable() }).nullable(),
  /** The first of the paths that are missing, outdated or damaged. */
  lost: z.array(z.string()),
  /** The total number of missing, outdated or damaged paths; null: unknown. */
  lostCount: z.int().nullable(),
  /** The workspace folder that now contains the damaged files; null: nothing was moved. */
  aside: z.string().nullable(),
  detail: z.string(),
});
export type WorkspaceDamage = z.infer<typeof WorkspaceDamage>;

/** `at`: when the damage was found, epoch ms. */
export const WorkspaceDamageReport = WorkspaceDamage.extend({ at: z.number() });
export type WorkspaceDamageReport = z.infer<typeof WorkspaceDamageReport>;
