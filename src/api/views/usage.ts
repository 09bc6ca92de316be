import { z } from 'zod';
import { usageDimensions } from '../../sessions/api/usage.ts';

// Usage of sessions over days, as clients ask for it and see it.

const total = {
  turns: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  /** The sum of the known costs, in the currency of the prices. */
  cost: z.number(),
  /** The turns whose cost is not known. */
  unpriced: z.int(),
};
export const UsageInput = z.strictObject({
  /** The first and the last day, in UTC. */
  from: z.iso.date(),
  to: z.iso.date(),
  by: z.enum(usageDimensions).default('model'),
});
export const UsageReport = z.object({
  total: z.object(total),
  groups: z
    .array(
      z.object({
        /** The owner, the model, the project, the session or the day; empty: none. */
        id: z.string(),
        name: z.string(),
        ...total,
      }),
    )
    .readonly(),
  /** Every day of the range. */
  days: z.array(z.object({ day: z.string(), ...total })).readonly(),
});
