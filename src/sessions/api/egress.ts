import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import { type EgressChoice, EgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import type { ServiceRules } from './rules.ts';

/** The egress policy of a session's sandbox, with the hosts allowed only in this session. */
export const EffectiveEgress = z.object({
  /** The name of the policy. */
  policy: z.string(),
  /** The hosts that it opens, in words for people. */
  opens: z.string(),
  /** The operator's list, where the policy uses it. */
  entries: z.array(z.string()).readonly(),
  /** The only hosts of those that its creator wants to be reached; absent: all. */
  within: z.array(z.string()).readonly().optional(),
  /** The creator's rules for addresses; absent: none. */
  rules: EgressRules.optional(),
  /** Entries allowed only in this session. */
  allowed: z.array(z.string()).readonly(),
  /** False: its sandboxes have no way out at all, so no host can be allowed. */
  canAllow: z.boolean(),
});
export type EffectiveEgress = z.infer<typeof EffectiveEgress>;
/** The way out of a session's sandbox. Every method also rejects with session_not_found. */
export interface EgressService {
  inForce(id: SessionId): Promise<EffectiveEgress>;
  /**
   * From then on the sandbox can reach the entry (`host`, `*.host`, each with or without `:port`), at a public address.
   * Rejects: invalid_request (no such entry can be), conflict (the session has 100 already), unsupported (no way out).
   */
  allow(id: SessionId, entry: string): Promise<void>;
  /**
   * Limits the sandbox to these of the policy's hosts from now on; null: no limit. Open connections
   * beyond it are closed. Rejects: invalid_request (no host or range, or one that the policy does not open), unsupported
   * (nothing holds the sandbox back, or it runs without a way out that could be opened).
   */
  narrow(id: SessionId, choice: EgressChoice | null): Promise<void>;
  /** Takes an entry back. Open connections stay. Succeeds when it was not allowed. */
  withdraw(id: SessionId, entry: string): Promise<void>;
}

export const egressRules: ServiceRules<EgressService> = {
  inForce: { may: 'read', audit: null },
  allow: { may: 'guarded', audit: 'egress.allow' },
  narrow: { may: 'work', audit: 'egress.narrow' },
  withdraw: { may: 'guarded', audit: 'egress.withdraw' },
};
