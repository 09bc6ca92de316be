import { z } from 'zod';
import { CredentialPlaces } from '../../core/model/credential.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ServiceRules } from './rules.ts';

/** A secret within the text of a header. */
const SecretUse = z.object({
  /** The id of the secret. */
  secret: z.string(),
  /** The text around its value, such as `Token token="` and `"`. */
  before: z.string(),
  after: z.string(),
});
export type SecretUse = z.infer<typeof SecretUse>;
/** A secret that programs of a sandbox use without seeing it. The value is never part of it. */
export const BoundCredential = CredentialPlaces.extend({
  name: z.string(),
  createdAt: z.number(), // epoch ms
  /** The secret whose value it takes with each request; absent: it has its own value. */
  uses: SecretUse.optional(),
});
export type BoundCredential = z.infer<typeof BoundCredential>;

/** The credentials of sessions, or those of projects; the server's own ones are in `server/credentials.ts`. Every method rejects where the session or project does not exist. */
export interface CredentialService<Id> {
  list(of: Id): Promise<readonly BoundCredential[]>;
  /**
   * Replaces the one of that name. New connections use it at once; variables come with the next start of a sandbox.
   * Rejects: invalid_request (the value), conflict (another one has a place of it, or there are 50 already).
   */
  put(of: Id, credential: CredentialPlaces & { readonly name: string }, value: Secret): Promise<BoundCredential>;
  /**
   * The same with a secret of programs instead of a value: each request takes the secret's current value. A
   * request whose secret is gone is refused. Rejects as `put` does, and: not_found (no such secret).
   */
  bind(of: Id, credential: CredentialPlaces & { readonly name: string }, use: SecretUse): Promise<BoundCredential>;
  /** Takes effect with the next request, also on open connections. Rejects: not_found. */
  revoke(of: Id, name: string): Promise<void>;
}

export const credentialRules: ServiceRules<CredentialService<never>> = {
  list: { may: 'read', audit: null },
  put: { may: 'work', audit: 'credential.put' },
  bind: { may: 'guarded', audit: 'credential.put' },
  revoke: { may: 'stop', audit: 'credential.revoke' },
};
