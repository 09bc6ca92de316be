import type { CredentialPlaces } from '../../core/model/credential.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { ServiceRules } from './rules.ts';

/** A secret that programs of a sandbox use without seeing it. The value is never part of it. */
export interface BoundCredential extends CredentialPlaces {
  readonly name: string;
  readonly createdAt: number; // epoch ms
}

/** The credentials of sessions, or those of projects; the server's own ones are in `server/credentials.ts`. Every method rejects where the session or project does not exist. */
export interface CredentialService<Id> {
  list(of: Id): Promise<readonly BoundCredential[]>;
  /**
   * Replaces the one of that name. New connections use it at once; variables come with the next start of a sandbox.
   * Rejects: invalid_request (the value), conflict (another one has a place of it, or there are 50 already).
   */
  put(of: Id, credential: CredentialPlaces & { readonly name: string }, value: Secret): Promise<BoundCredential>;
  /** Takes effect with the next request, also on open connections. Rejects: not_found. */
  revoke(of: Id, name: string): Promise<void>;
}

export const credentialRules: ServiceRules<CredentialService<never>> = {
  list: { may: 'read', audit: null },
  put: { may: 'work', audit: 'credential.put' },
  revoke: { may: 'stop', audit: 'credential.revoke' },
};
