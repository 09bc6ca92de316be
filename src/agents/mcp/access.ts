import { z } from 'zod';

// Sign-ins to tool servers in their stored form, encrypted.

/** Corral's registration at the authorization server. */
export const ClientRegistration = z.object({
  client_id: z.string().max(4_000),
  client_secret: z.string().max(4_000).optional(),
  token_endpoint_auth_method: z.string().max(100).optional(),
});
export const OAuthCredentials = z.object({
  /** The authorization server that issued the access. Corral renews the access only there. */
  issuer: z.string(),
  client: ClientRegistration,
  accessToken: z.string().min(1).max(16_384),
  refreshToken: z.string().max(16_384).optional(),
  /** Epoch ms. Undefined: the server did not set it. */
  expiresAt: z.number().optional(),
});
export type OAuthCredentials = z.infer<typeof OAuthCredentials>;
/** A sign-in that a person has started but not completed. */
export const PendingSignIn = z.object({
  issuer: z.string(),
  state: z.string(),
  verifier: z.string(),
  client: ClientRegistration,
  returnTo: z.string(),
  startedAt: z.number(),
});
export type PendingSignIn = z.infer<typeof PendingSignIn>;

const sooner = 30_000; // Milliseconds.

/** Whether the access is still valid. Access that expires within half a minute is renewed first. */
export const isCredentialFresh = ({ expiresAt }: OAuthCredentials, now: number): boolean =>
  expiresAt === undefined || expiresAt - now > sooner;
