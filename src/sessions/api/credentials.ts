import { z } from 'zod';
import { CredentialInjection } from '../../core/model/credential.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ServiceRules } from './rules.ts';

const SecretUse = z.object({
  secret: z.string(),
  /** `before` and `after` surround the secret's value, for example `Token token="` and `"`. */
  before: z.string(),
  after: z.string(),
});
export type SecretReference = z.infer<typeof SecretUse>;
/** A credential, without its value, that programs in a sandbox use without seeing it. */
export const BoundCredential = CredentialInjection.extend({
  name: z.string(),
  createdAt: z.number(), // epoch ms
  /** The stored secret whose current value each request uses. Absent if the credential has its own value. */
  uses: SecretUse.optional(),
});
export type BoundCredential = z.infer<typeof BoundCredential>;

/** Credentials of sessions or projects. Every method rejects if the session or project does not exist. */
export interface CredentialService<Id> {
  list(of: Id): Promise<readonly BoundCredential[]>;
  /**
   * Replaces a credential with the same name. New connections use it immediately; variables change when a sandbox next
   * starts. Rejects: invalid_request (an invalid value), conflict (another credential sets the same variable, or the same
   * header for a host, or 50 exist already).
   */
  put(of: Id, credential: CredentialInjection & { readonly name: string }, value: Secret): Promise<BoundCredential>;
  /**
   * Like `put`, but each request uses a stored secret's current value. Requests are refused once the secret is deleted.
   * Also rejects: not_found (no such secret).
   */
  bind(
    of: Id,
    credential: CredentialInjection & { readonly name: string },
    use: SecretReference,
  ): Promise<BoundCredential>;
  /** Takes effect on the next request, even on open connections. Rejects: not_found. */
  revoke(of: Id, name: string): Promise<void>;
}

export const credentialRules: ServiceRules<CredentialService<never>> = {
  list: { may: 'read', audit: null },
  put: { may: 'work', audit: 'credential.put' },
  bind: { may: 'guarded', audit: 'credential.put' },
  revoke: { may: 'stop', audit: 'credential.revoke' },
};
