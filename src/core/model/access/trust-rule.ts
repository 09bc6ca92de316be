import { z } from 'zod';

const Pattern = z.string().min(1).max(500);
/** A token's claims must match all patterns; see `matchesSegmentPattern`. */
export const TrustRule = z.strictObject({
  issuer: z.string().min(1).max(500),
  claims: z
    .record(z.string().min(1).max(100), Pattern)
    .refine((claims) => Object.keys(claims).length <= 20, 'at most 20 claims')
    .refine((claims) => Object.values(claims).some((one) => /[^*/:]/.test(one)), 'one claim needs more than wildcards'),
});
export type TrustRule = z.infer<typeof TrustRule>;
