import { z } from 'zod';
import { ResourceOwnership } from '../../../core/model/access/holder.ts';
import type { Secret } from '../../../core/text/secret.ts';
import type { ServiceRules } from '../rules.ts';

export const CredentialVault = z.object({
  ...ResourceOwnership.shape,
  id: z.string(), // vlt_ and 24 hex digits
  displayName: z.string(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(), // epoch ms
  updatedAt: z.number(),
  archivedAt: z.number().nullable(),
});
export type CredentialVault = z.infer<typeof CredentialVault>;
export type VaultDetails = Pick<CredentialVault, 'displayName' | 'metadata'>;

/** Refresh secrets are stored separately. */
const OAuthRefresh = z.object({
  clientId: z.string(),
  tokenEndpoint: z.string(),
  clientAuth: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
  scope: z.string().nullable(),
  resource: z.string().nullable(),
});
export type OAuthRefresh = z.infer<typeof OAuthRefresh>;
/** A sandbox variable that holds a placeholder. Requests to `hosts` carry the secret instead. */
const VariableAuth = z.object({
  type: z.literal('environment_variable'),
  secretName: z.string(),
  /** `host` or `*.host`, with an optional port. Null: every reachable host. */
  hosts: z.array(z.string()).readonly().nullable(),
  places: z.object({ header: z.boolean(), body: z.boolean() }),
});
export type EnvironmentVariableAuth = z.infer<typeof VariableAuth>;
const CredentialAuth = z.discriminatedUnion('type', [
  z.object({ type: z.literal('static_bearer'), mcpServerUrl: z.string() }),
  z.object({
    type: z.literal('mcp_oauth'),
    mcpServerUrl: z.string(),
    expiresAt: z.number().nullable(),
    refresh: OAuthRefresh.nullable(),
  }),
  VariableAuth,
]);
export type CredentialAuth = z.infer<typeof CredentialAuth>;
/** `token` is sent to the credential's tool server or hosts. */
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
export type VaultCredentialDetails = Pick<VaultCredential, 'displayName' | 'metadata' | 'auth'>;
export interface NewVaultCredential extends VaultCredentialDetails {
  readonly secrets: CredentialSecrets;
}
export interface VaultCredentialUpdate extends VaultCredentialDetails {
  readonly secrets?: Partial<CredentialSecrets>;
}

export interface CredentialTestResponse {
  readonly status: number;
  readonly contentType: string;
  /** The credential's secrets are masked. */
  readonly body: string;
  readonly isCut: boolean;
}
export interface CredentialTestResult {
  readonly at: number;
  /** `unknown`: the response does not show whether the credential is accepted. */
  readonly verdict: 'valid' | 'invalid' | 'unknown';
  readonly hasRefreshToken: boolean;
  /** The MCP method that failed. Without a response, `answer` is null. */
  readonly failedAt: { readonly method: string; readonly answer: CredentialTestResponse | null } | null;
  /** Null unless the tool server responded with 401, because only then is a refresh needed. */
  readonly refresh: {
    readonly outcome: 'succeeded' | 'failed' | 'connect_error' | 'no_refresh_token';
    readonly answer: CredentialTestResponse | null;
  } | null;
}

/**
 * Credentials for sessions' tool servers and sandboxes. A secret is sent only to its own tool server, token endpoint or
 * hosts. Methods that take an id reject with not_found for an unknown vault or credential.
 *
 * @example
 * const { id } = await vaults.create({ displayName: 'Alice', metadata: {} });
 */
export interface VaultService {
  /** Newest first. With `owner`, lists only vaults of that owner and of `projects`. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly CredentialVault[]>;
  /** Rejects: quota (1,000 per owner). */
  create(vault: VaultDetails & ResourceOwnership): Promise<CredentialVault>;
  get(id: string): Promise<CredentialVault>;
  /** May call `change` more than once. Rejects with invalid_request if the vault is archived. */
  update(id: string, change: (now: VaultDetails) => VaultDetails): Promise<CredentialVault>;
  /** Also archives the vault's credentials and erases their secrets. Sessions continue without them. */
  archive(id: string): Promise<CredentialVault>;
  delete(id: string): Promise<void>;

  /** Newest first. */
  credentials(id: string): Promise<readonly VaultCredential[]>;
  credential(id: string, credential: string): Promise<VaultCredential>;
  /** Rejects: conflict (duplicate tool server or variable), quota (20 per vault), invalid_request (archived vault). */
  addCredential(id: string, credential: NewVaultCredential): Promise<VaultCredential>;
  /** Applies to running sessions from their next request. Rejects: invalid_request (the credential is archived). */
  changeCredential(
    id: string,
    credential: string,
    change: (now: VaultCredential) => VaultCredentialUpdate,
  ): Promise<VaultCredential>;
  /** Erases the credential's secrets. */
  archiveCredential(id: string, credential: string): Promise<VaultCredential>;
  deleteCredential(id: string, credential: string): Promise<void>;
  /** Calls the tool server, and refreshes the token after a 401. Rejects: invalid_request (archived, or not OAuth). */
  tryCredential(id: string, credential: string, signal: AbortSignal): Promise<CredentialTestResult>;
}

export const vaultRules: ServiceRules<VaultService> = {
  list: { may: 'list', audit: null },
  create: { may: 'create', audit: 'vault.create' },
  get: { may: 'read', audit: null },
  update: { may: 'work', audit: 'vault.change' },
  archive: { may: 'work', audit: 'vault.archive' },
  delete: { may: 'manage', audit: 'vault.delete' },
  credentials: { may: 'read', audit: null },
  credential: { may: 'read', audit: null },
  addCredential: { may: 'work', audit: 'vault.credential-add' },
  changeCredential: { may: 'work', audit: 'vault.credential-change' },
  archiveCredential: { may: 'work', audit: 'vault.credential-archive' },
  deleteCredential: { may: 'work', audit: 'vault.credential-delete' },
  tryCredential: { may: 'work', audit: 'vault.credential-try' },
};
