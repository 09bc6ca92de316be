import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import { type EgressRestriction, EgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import type { ServiceRules } from './rules.ts';

export const EffectiveEgress = z.object({
  policy: z.string(),
  /** A human-readable description of the allowed hosts. */
  opens: z.string(),
  /** The operator's list; empty if the policy uses none. */
  entries: z.array(z.string()).readonly(),
  /** The creator's limit on the policy's hosts, if any, unless it is in `rules`. */
  within: z.array(z.string()).readonly().optional(),
  rules: EgressRules.optional(),
  allowed: z.array(z.string()).readonly(),
  /** False if the sandbox has no network access. */
  canAllow: z.boolean(),
});
export type EffectiveEgress = z.infer<typeof EffectiveEgress>;
/** Network access of a session's sandbox. Every method can also reject with session_not_found. */
export interface EgressService {
  inForce(id: SessionId): Promise<EffectiveEgress>;
  /**
   * Allows `host` or `*.host`, with an optional `:port`, at public addresses. Rejects: invalid_request, conflict (100
   * entries exist), unsupported (no network access).
   */
  allow(id: SessionId, entry: string): Promise<void>;
  /**
   * Replaces the creator's limit; null removes it. Closes connections that the new limit refuses. Rejects:
   * invalid_request (not a host or range, or outside the policy), unsupported (by the driver).
   */
  narrow(id: SessionId, choice: EgressRestriction | null): Promise<void>;
  /** Does not close existing connections. Also succeeds if the entry was not allowed. */
  withdraw(id: SessionId, entry: string): Promise<void>;
}

export const egressRules: ServiceRules<EgressService> = {
  inForce: { may: 'read', audit: null },
  allow: { may: 'guarded', audit: 'egress.allow' },
  narrow: { may: 'work', audit: 'egress.narrow' },
  withdraw: { may: 'guarded', audit: 'egress.withdraw' },
};
