import type { CredentialInjection } from '../../../core/model/credential.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A credential that the sandboxes of all sessions use without seeing it. Never contains the value. */
export interface ServerCredential extends CredentialInjection {
  readonly name: string;
  /** The variable or corral.yaml key that defines the credential, which then cannot be changed here; null: it is stored. */
  readonly setBy: string | null;
  readonly createdAt: number | null; // Epoch ms; null: defined in the settings.
}

/**
 * Server-wide credentials. Precedence: the session's own, then its project's, then those in the settings, then those stored here.
 */
export interface ServerCredentialService {
  /** Credentials from the settings first. */
  list(): Promise<readonly ServerCredential[]>;
  /**
   * Creates or replaces the credential of that name. New connections use it immediately; variables change when a sandbox next
   * starts. Rejects: invalid_request (an invalid value, or the settings define this name), conflict (another credential uses the
   * same variable or the same header of a host, or 50 exist already).
   */
  put(name: string, places: CredentialInjection, value: Secret): Promise<ServerCredential>;
  /**
   * Takes effect on the next request, including on open connections. Rejects: not_found, invalid_request (defined in the
   * settings).
   */
  revoke(name: string): Promise<void>;
}

export const serverCredentialRules: ServiceRules<ServerCredentialService> = {
  list: { may: 'admin', audit: null },
  put: { may: 'admin', audit: 'credential.put' },
  revoke: { may: 'admin', audit: 'credential.revoke' },
};
