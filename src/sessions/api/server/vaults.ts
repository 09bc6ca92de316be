import { z } from 'zod';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

/** A set of credentials that programs give to their sessions, as a rule those of one person. */
export const CredentialVault = z.object({
  id: z.string(), // vlt_ and 24 hex digits
  owner: z.string().optional(),
  displayName: z.string(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
  archivedAt: z.number().nullable(),
});
export type CredentialVault = z.infer<typeof CredentialVault>;
export type VaultFacts = Pick<CredentialVault, 'displayName' | 'metadata'>;

/** How the server gets new access tokens. Its secrets are kept apart. */
const OAuthRefresh = z.object({
  clientId: z.string(),
  tokenEndpoint: z.string(),
  clientAuth: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
  scope: z.string().nullable(),
  resource: z.string().nullable(),
});
export type OAuthRefresh = z.infer<typeof OAuthRefresh>;
/** A variable of the session's sandbox. It holds a placeholder, which requests to the hosts carry the value for. */
const VariableAuth = z.object({
  type: z.literal('environment_variable'),
  secretName: z.string(),
  /** `host` or `*.host`, each with or without a port; null: every host that the sandbox reaches. */
  hosts: z.array(z.string()).readonly().nullable(),
  /** The parts of a request in which the value replaces the placeholder. */
  places: z.object({ header: z.boolean(), body: z.boolean() }),
});
export type VariableAuth = z.infer<typeof VariableAuth>;
/** The use of a credential, without any secret. */
const CredentialAuth = z.discriminatedUnion('type', [
  z.object({ type: z.literal('static_bearer'), mcpServerUrl: z.string() }),
  z.object({
    type: z.literal('mcp_oauth'),
    mcpServerUrl: z.string(),
    /** Null: the token says nothing about its end. */
    expiresAt: z.number().nullable(),
    refresh: OAuthRefresh.nullable(),
  }),
  VariableAuth,
]);
export type CredentialAuth = z.infer<typeof CredentialAuth>;
/** The secrets of a credential: `token` is the value that its tool server or its hosts get. */
export interface CredentialSecrets {
  readonly token: Secret;
  readonly refreshToken?: Secret | undefined;
  readonly clientSecret?: Secret | undefined;
}
export const VaultCredential = z.object({
  id: z.string(), // vcrd_ and 24 hex digits
  vaultId: z.string(),
  displayName: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  auth: CredentialAuth,
  createdAt: z.number(),
  updatedAt: z.number(),
  archivedAt: z.number().nullable(),
});
export type VaultCredential = z.infer<typeof VaultCredential>;
export type CredentialFacts = Pick<VaultCredential, 'displayName' | 'metadata' | 'auth'>;
export interface NewCredential extends CredentialFacts {
  readonly secrets: CredentialSecrets;
}
/** The secrets that are absent stay. */
export interface ChangedCredential extends CredentialFacts {
  readonly secrets?: Partial<CredentialSecrets>;
}

/** The answer of a server to which a credential was shown. */
export interface TriedAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Without the secrets of the credential. */
  readonly body: string;
  readonly isCut: boolean;
}
export interface CredentialTrial {
  readonly at: number;
  /** `unknown`: the tool server did not answer in a way that says whether it takes the credential. */
  readonly verdict: 'valid' | 'invalid' | 'unknown';
  readonly hasRefreshToken: boolean;
  /** The step that failed; null: none. An answer is null where there was none. */
  readonly failedAt: { readonly method: string; readonly answer: TriedAnswer | null } | null;
  /** Null: no new token was needed. */
  readonly refresh: {
    readonly outcome: 'succeeded' | 'failed' | 'connect_error' | 'no_refresh_token';
    readonly answer: TriedAnswer | null;
  } | null;
}

/**
 * Vaults with credentials for the tool servers and sandboxes of sessions. Secrets go in, and leave the server only towards
 * the tool server, the token endpoint or the hosts of their credential. Every method that takes an id rejects with not_found for an unknown
 * vault or credential.
 *
 * @example
 * const { id } = await vaults.create({ displayName: 'Alice', metadata: {} });
 */
export interface VaultService {
  /** The newest first; only that owner's if `owner` is set. */
  list(owner?: string): Promise<readonly CredentialVault[]>;
  /** Rejects: quota (1,000 of one owner). */
  create(vault: VaultFacts & { readonly owner?: string }): Promise<CredentialVault>;
  get(id: string): Promise<CredentialVault>;
  /** `change` can be called several times. Rejects: invalid_request (it is archived). */
  update(id: string, change: (now: VaultFacts) => VaultFacts): Promise<CredentialVault>;
  /** Ends its credentials and erases their secrets. Sessions that have it continue without them. */
  archive(id: string): Promise<CredentialVault>;
  delete(id: string): Promise<void>;

  /** The newest first. */
  credentials(id: string): Promise<readonly VaultCredential[]>;
  credential(id: string, credential: string): Promise<VaultCredential>;
  /** Rejects: conflict (the vault has one for this tool server or variable), quota (20 in a vault), invalid_request (it is archived). */
  addCredential(id: string, credential: NewCredential): Promise<VaultCredential>;
  /** Running sessions use it from their next request on. Rejects: invalid_request (it is archived). */
  changeCredential(
    id: string,
    credential: string,
    change: (now: VaultCredential) => ChangedCredential,
  ): Promise<VaultCredential>;
  /** Erases its secrets. */
  archiveCredential(id: string, credential: string): Promise<VaultCredential>;
  deleteCredential(id: string, credential: string): Promise<void>;
  /** Calls the tool server, and asks for a new token if the present one is refused. Rejects: invalid_request (no OAuth). */
  tryCredential(id: string, credential: string, signal: AbortSignal): Promise<CredentialTrial>;
}

export const vaultRules: ServiceRules<VaultService> = {
  list: { may: 'list', audit: null },
  create: { may: 'create', audit: 'vault.create' },
  get: { may: 'read', audit: null },
  update: { may: 'work', audit: 'vault.change' },
  archive: { may: 'work', audit: 'vault.archive' },
  delete: { may: 'work', audit: 'vault.delete' },
  credentials: { may: 'read', audit: null },
  credential: { may: 'read', audit: null },
  addCredential: { may: 'work', audit: 'vault.credential-add' },
  changeCredential: { may: 'work', audit: 'vault.credential-change' },
  archiveCredential: { may: 'work', audit: 'vault.credential-archive' },
  deleteCredential: { may: 'work', audit: 'vault.credential-delete' },
  tryCredential: { may: 'work', audit: 'vault.credential-try' },
};
