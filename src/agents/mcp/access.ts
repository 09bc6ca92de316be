import { z } from 'zod';

// Sign-ins to tool servers, stored encrypted.

export const ClientRegistration = z.object({
  client_id: z.string().max(4_000),
  client_secret: z.string().max(4_000).optional(),
  token_endpoint_auth_method: z.string().max(100).optional(),
});
export const OAuthCredentials = z.object({
  /** Corral refreshes tokens only at this authorization server. */
  issuer: z.string(),
  client: ClientRegistration,
  accessToken: z.string().min(1).max(16_384),
  refreshToken: z.string().max(16_384).optional(),
  /** Epoch ms. Undefined if the server specifies no expiry. */
  expiresAt: z.number().optional(),
});
export type OAuthCredentials = z.infer<typeof OAuthCredentials>;
export const PendingSignIn = z.object({
  issuer: z.string(),
  state: z.string(),
  verifier: z.string(),
  client: ClientRegistration,
  returnTo: z.string(),
  startedAt: z.number(),
});
export type PendingSignIn = z.infer<typeof PendingSignIn>;

const sooner = 30_000; // ms

/** False from 30 s before expiry, so that the token is refreshed in time. */
export const isCredentialFresh = ({ expiresAt }: OAuthCredentials, now: number): boolean =>
  expiresAt === undefined || expiresAt - now > sooner;
