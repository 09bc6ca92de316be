import type { CredentialInjection } from '../../../core/model/credential.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A credential that all sandboxes use without seeing it. Never contains the value. */
export interface ServerCredential extends CredentialInjection {
  readonly name: string;
  /**
   * The variable or corral.yaml key that defines the credential, which then cannot change here. Null if stored here.
   */
  readonly setBy: string | null;
  readonly createdAt: number | null; // Epoch ms; null: defined in the settings.
}

/**
 * Server-wide credentials. Precedence: the session's own, then its project's, then those in the settings, then those stored here.
 */
export interface ServerCredentialService {
  /** Lists credentials from the settings first. */
  list(): Promise<readonly ServerCredential[]>;
  /**
   * Creates or replaces a credential. New connections use it immediately; variables change when a sandbox next starts.
   * Rejects: invalid_request (the value is invalid, or the credential is defined in the settings), conflict (another
   * credential sets the same variable, or the same header for a host, or 50 other credentials exist).
   */
  put(name: string, places: CredentialInjection, value: Secret): Promise<ServerCredential>;
  /**
   * Takes effect on the next request, even on open connections. Rejects: not_found, invalid_request (the credential is
   * defined in the settings).
   */
  revoke(name: string): Promise<void>;
}

export const serverCredentialRules: ServiceRules<ServerCredentialService> = {
  list: { may: 'admin', audit: null },
  put: { may: 'admin', audit: 'credential.put' },
  revoke: { may: 'admin', audit: 'credential.revoke' },
};
