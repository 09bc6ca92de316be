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
  /** The stored secret that requests use. Absent if the credential has its own value. */
  uses: SecretUse.optional(),
});
export type BoundCredential = z.infer<typeof BoundCredential>;

/** Every method rejects if the session or project does not exist. */
export interface CredentialService<Id> {
  list(of: Id): Promise<readonly BoundCredential[]>;
  /**
   * Creates or replaces a credential. Applies to new connections; variables change at the next sandbox start. Rejects:
   * invalid_request, conflict (the variable or a host's header is taken, or 50 others exist).
   */
  put(of: Id, credential: CredentialInjection & { readonly name: string }, value: Secret): Promise<BoundCredential>;
  /**
   * Like `put`, with a stored secret's current value. Requests fail once the secret is deleted. Also rejects: not_found
   * (the secret).
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
