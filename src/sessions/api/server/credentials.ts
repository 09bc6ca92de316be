import type { CredentialInjection } from '../../../core/model/credential.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A credential that all sandboxes use without seeing it. Never contains the value. */
export interface ServerCredential extends CredentialInjection {
  readonly name: string;
  /** The variable or corral.yaml key that defines the credential. Null if stored here. */
  readonly setBy: string | null;
  readonly createdAt: number | null; // Epoch ms; null: defined in the settings.
}

/** Precedence: the session's credentials, the project's, those in the settings, then those stored here. */
export interface ServerCredentialService {
  /** Lists credentials from the settings first. */
  list(): Promise<readonly ServerCredential[]>;
  /**
   * Creates or replaces a credential. Applies to new connections; variables change at the next sandbox start. Rejects:
   * invalid_request (invalid, or defined in the settings), conflict (the variable or a host's header is taken, or 50
   * others exist).
   */
  put(name: string, places: CredentialInjection, value: Secret): Promise<ServerCredential>;
  /** Applies to the next request, even on open connections. Rejects: not_found, invalid_request (set in settings). */
  revoke(name: string): Promise<void>;
}

export const serverCredentialRules: ServiceRules<ServerCredentialService> = {
  list: { may: 'admin', audit: null },
  put: { may: 'admin', audit: 'credential.put' },
  revoke: { may: 'admin', audit: 'credential.revoke' },
};
