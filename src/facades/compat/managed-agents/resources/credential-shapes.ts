import { z } from 'zod';
import { hostPattern, isValidHeaderValue, sandboxVariableName } from '../../../../core/model/credential.ts';
import { Secret } from '../../../../core/text/secret.ts';
import type {
  CredentialAuth,
  CredentialTestResponse,
  CredentialTestResult,
  EnvironmentVariableAuth,
  NewVaultCredential,
  VaultCredential,
  VaultCredentialUpdate,
} from '../../../../sessions/api/server/vaults.ts';
import { invalidRequestError } from '../errors.ts';
import {
  applyMetadataChange,
  Metadata,
  MetadataChange,
  parseQueryTime,
  toApiTimes,
  toIsoTime,
  toIsoTimeOrNull,
} from '../wire.ts';

// No secret is ever returned.

/** Printable ASCII without spaces, because the secret is appended to a header value. */
const secret = z
  .string()
  .min(1)
  .max(8_192)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .transform((text) => new Secret(text));
const clientSecret = z
  .string()
  .min(1)
  .max(8_192)
  .transform((text) => new Secret(text));
const address = z
  .url({ protocol: /^https?$/ })
  .max(2_048)
  .refine((url) => !/^\w+:\/\/[^/?#]*@/.test(url), 'must not have a name or password');
const short = (most: number) => z.string().max(most).nullable().optional();
const time = z.string().max(100).nullable().optional();
const displayName = z.string().min(1).max(255).nullable().optional();
const secretAuth = ['client_secret_basic', 'client_secret_post'] as const;

const variableValue = z
  .string()
  .max(8_192)
  .refine(isValidHeaderValue, 'must be printable ASCII, because a header carries it');
const networking = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('unrestricted') }),
  z.strictObject({
    type: z.literal('limited'),
    allowed_hosts: z.array(z.string().max(300).regex(hostPattern)).max(16),
  }),
]);
const injection = z
  .strictObject({ header: z.boolean().nullable().optional(), body: z.boolean().nullable().optional() })
  .optional();
export const NewCredentialBody = z.strictObject({
  display_name: displayName,
  metadata: Metadata.nullable().optional(),
  auth: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('static_bearer'), token: secret, mcp_server_url: address }),
    z.strictObject({
      type: z.literal('mcp_oauth'),
      access_token: secret,
      mcp_server_url: address,
      expires_at: time,
      refresh: z
        .strictObject({
          client_id: z.string().min(1).max(2_048),
          refresh_token: secret,
          token_endpoint: address,
          token_endpoint_auth: z.discriminatedUnion('type', [
            z.strictObject({ type: z.literal('none') }),
            z.strictObject({ type: z.literal(secretAuth[0]), client_secret: clientSecret }),
            z.strictObject({ type: z.literal(secretAuth[1]), client_secret: clientSecret }),
          ]),
          scope: short(2_048),
          resource: short(2_048),
        })
        .nullable()
        .optional(),
    }),
    z.strictObject({
      type: z.literal('environment_variable'),
      secret_name: sandboxVariableName,
      secret_value: variableValue,
      networking,
      injection_location: injection,
    }),
  ]),
});
export const CredentialChangeBody = z.strictObject({
  display_name: displayName,
  metadata: MetadataChange.nullable().optional(),
  auth: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('static_bearer'), token: secret.nullable().optional() }),
      z.strictObject({
        type: z.literal('mcp_oauth'),
        access_token: secret.nullable().optional(),
        expires_at: time,
        refresh: z
          .strictObject({
            refresh_token: secret.nullable().optional(),
            scope: short(2_048),
            token_endpoint_auth: z
              .strictObject({ type: z.enum(secretAuth), client_secret: clientSecret.nullable().optional() })
              .optional(),
          })
          .nullable()
          .optional(),
      }),
      z.strictObject({
        type: z.literal('environment_variable'),
        secret_value: variableValue.nullable().optional(),
        networking: networking.optional(),
        injection_location: injection,
      }),
    ])
    .optional(),
});

/** Throws: invalid_request. */
export function toNewCredential(input: z.output<typeof NewCredentialBody>, now: number): NewVaultCredential {
  const { display_name: name, metadata, auth } = input;
  const facts = { displayName: name ?? null, metadata: metadata ?? {} };
  if (auth.type === 'environment_variable')
    return {
      ...facts,
      auth: {
        type: auth.type,
        secretName: auth.secret_name,
        hosts: hostsOf(auth.networking),
        places: placesFrom(auth.injection_location ?? { header: true, body: true }, { header: false, body: false }),
      },
      secrets: { token: new Secret(auth.secret_value) },
    };
  const mcpServerUrl = auth.mcp_server_url;
  if (auth.type === 'static_bearer')
    return { ...facts, auth: { type: auth.type, mcpServerUrl }, secrets: { token: auth.token } };
  const { refresh } = auth;
  const client = refresh?.token_endpoint_auth;
  return {
    ...facts,
    auth: {
      type: auth.type,
      mcpServerUrl,
      expiresAt: auth.expires_at == null ? null : future(auth.expires_at, now),
      refresh: refresh
        ? {
            clientId: refresh.client_id,
            tokenEndpoint: refresh.token_endpoint,
            clientAuth: refresh.token_endpoint_auth.type,
            scope: refresh.scope ?? null,
            resource: refresh.resource ?? null,
          }
        : null,
    },
    secrets: {
      token: auth.access_token,
      ...(refresh && { refreshToken: refresh.refresh_token }),
      ...(client && client.type !== 'none' && { clientSecret: client.client_secret }),
    },
  };
}

/** Omitted fields keep their values. Throws: invalid_request. */
export function applyCredentialChange(
  now: VaultCredential,
  input: z.output<typeof CredentialChangeBody>,
  at: number,
): VaultCredentialUpdate {
  const { display_name: name, metadata, auth } = input;
  const facts = {
    displayName: name === undefined ? now.displayName : name,
    metadata: metadata ? applyMetadataChange(now.metadata, metadata) : now.metadata,
  };
  if (!auth) return { ...facts, auth: now.auth };
  if (auth.type === 'static_bearer' && now.auth.type === auth.type)
    return { ...facts, auth: now.auth, ...(auth.token && { secrets: { token: auth.token } }) };
  if (auth.type === 'environment_variable' && now.auth.type === auth.type) {
    const { networking: net, injection_location: places, secret_value: value } = auth;
    const next = {
      ...now.auth,
      ...(net && { hosts: hostsOf(net) }),
      ...(places && { places: placesFrom(places, now.auth.places) }),
    };
    return { ...facts, auth: next, ...(value != null && { secrets: { token: new Secret(value) } }) };
  }
  if (auth.type !== 'mcp_oauth' || now.auth.type !== auth.type)
    throw invalidRequestError(`auth.type: the credential is ${now.auth.type}, and its type cannot be changed.`);
  const { refresh } = auth;
  const kept = now.auth.refresh;
  if (refresh && !kept) throw invalidRequestError('auth.refresh: the credential was made without it. Make a new one.');
  const client = refresh?.token_endpoint_auth;
  if (client && kept?.clientAuth === 'none')
    throw invalidRequestError(
      'auth.refresh.token_endpoint_auth: the token endpoint takes no client secret of this credential.',
    );
  const scope = refresh?.scope == null ? kept?.scope : refresh.scope === '' ? null : refresh.scope;
  const { expires_at: expiresAt } = auth;
  return {
    ...facts,
    auth: {
      ...now.auth,
      ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : future(expiresAt, at) }),
      refresh: kept && { ...kept, scope: scope ?? null },
    },
    secrets: {
      ...(auth.access_token && { token: auth.access_token }),
      ...(refresh?.refresh_token && { refreshToken: refresh.refresh_token }),
      ...(client?.client_secret && { clientSecret: client.client_secret }),
    },
  };
}

function future(value: string, now: number): number {
  const at = parseQueryTime('auth.expires_at', value);
  if (at <= now) throw invalidRequestError('auth.expires_at must be in the future.');
  return at;
}
const hostsOf = (net: z.output<typeof networking>) => (net.type === 'limited' ? net.allowed_hosts : null);
function placesFrom({ header, body }: NonNullable<z.output<typeof injection>>, now: EnvironmentVariableAuth['places']) {
  const places = { header: header ?? now.header, body: body ?? now.body };
  if (!places.header && !places.body)
    throw invalidRequestError(
      'auth.injection_location: header and body are both off, so no request would carry the value.',
    );
  return places;
}

export const toCredential = (credential: VaultCredential) => ({
  id: credential.id,
  type: 'vault_credential' as const,
  vault_id: credential.vaultId,
  display_name: credential.displayName,
  metadata: credential.metadata,
  ...toApiTimes(credential),
  auth: shownAuth(credential.auth),
});
function shownAuth(auth: CredentialAuth) {
  if (auth.type === 'static_bearer') return { type: auth.type, mcp_server_url: auth.mcpServerUrl };
  if (auth.type === 'environment_variable')
    return {
      type: auth.type,
      secret_name: auth.secretName,
      networking: auth.hosts
        ? { type: 'limited' as const, allowed_hosts: auth.hosts }
        : { type: 'unrestricted' as const },
      injection_location: auth.places,
    };
  const { refresh } = auth;
  return {
    type: auth.type,
    mcp_server_url: auth.mcpServerUrl,
    expires_at: toIsoTimeOrNull(auth.expiresAt),
    refresh: refresh && {
      client_id: refresh.clientId,
      token_endpoint: refresh.tokenEndpoint,
      token_endpoint_auth: { type: refresh.clientAuth },
      resource: refresh.resource,
      scope: refresh.scope,
    },
  };
}

export function toCredentialValidation(
  { id, vaultId }: Pick<VaultCredential, 'id' | 'vaultId'>,
  trial: CredentialTestResult,
) {
  const { failedAt, refresh } = trial;
  return {
    type: 'vault_credential_validation' as const,
    credential_id: id,
    vault_id: vaultId,
    validated_at: toIsoTime(trial.at),
    has_refresh_token: trial.hasRefreshToken,
    status: trial.verdict,
    mcp_probe: failedAt && { method: failedAt.method, http_response: toTriedAnswer(failedAt.answer) },
    refresh: refresh && { status: refresh.outcome, http_response: toTriedAnswer(refresh.answer) },
  };
}
const toTriedAnswer = (answer: CredentialTestResponse | null) =>
  answer && {
    status_code: answer.status,
    content_type: answer.contentType,
    body: answer.body,
    body_truncated: answer.isCut,
  };
