import type { CredentialPlaces } from '../../../core/model/credential.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A secret that the sandboxes of all sessions use without seeing it. The value is never part of it. */
export interface ServerCredential extends CredentialPlaces {
  readonly name: string;
  /** The variable or the key of corral.yaml that sets it, so that it cannot be changed here; null: it is stored. */
  readonly setBy: string | null;
  readonly createdAt: number | null; // epoch ms; null: the settings have it
}

/**
 * The credentials of the whole server. A session's own ones precede them, then its project's, then those of the settings, then
 * those that are stored here.
 */
export interface ServerCredentialService {
  /** The credentials of the settings come first. */
  list(): Promise<readonly ServerCredential[]>;
  /**
   * Replaces the one of that name. New connections use it at once; variables come with the next start of a sandbox.
   * Rejects: invalid_request (the value; the settings have one of this name), conflict (another one has a place of it, or
   * there are 50 already).
   */
  put(name: string, places: CredentialPlaces, value: Secret): Promise<ServerCredential>;
  /** Takes effect with the next request, also on open connections. Rejects: not_found, invalid_request (a setting). */
  revoke(name: string): Promise<void>;
}

export const serverCredentialRules: ServiceRules<ServerCredentialService> = {
  list: { may: 'admin', audit: null },
  put: { may: 'admin', audit: 'credential.put' },
  revoke: { may: 'admin', audit: 'credential.revoke' },
};
