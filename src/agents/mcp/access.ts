import { z } from 'zod';

// Sign-ins to tool servers as the store keeps them, sealed.

/** Corral as the authorization server knows it. */
export const Registered = z.object({
  client_id: z.string().max(4_000),
  client_secret: z.string().max(4_000).optional(),
  token_endpoint_auth_method: z.string().max(100).optional(),
});
export const SignedInAccess = z.object({
  /** The authorization server that gave it, and the only one that may renew it. */
  issuer: z.string(),
  client: Registered,
  accessToken: z.string().min(1).max(16_384),
  refreshToken: z.string().max(16_384).optional(),
  /** epoch ms; undefined: the server did not say. */
  expiresAt: z.number().optional(),
});
export type SignedInAccess = z.infer<typeof SignedInAccess>;
/** A sign-in that a person has begun. */
export const BegunSignIn = z.object({
  issuer: z.string(),
  state: z.string(),
  verifier: z.string(),
  client: Registered,
  returnTo: z.string(),
  startedAt: z.number(),
});
export type BegunSignIn = z.infer<typeof BegunSignIn>;

const sooner = 30_000; // ms

/** Whether the access lasts; what ends within half a minute is renewed first. */
export const isFresh = ({ expiresAt }: SignedInAccess, now: number): boolean =>
  expiresAt === undefined || expiresAt - now > sooner;
