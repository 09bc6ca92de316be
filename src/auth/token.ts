import { createHash, timingSafeEqual } from 'node:crypto';
import { parseJson } from '../core/text/json.ts';
import type { Secret } from '../core/text/secret.ts';

export interface TokenVerifier {
  readonly required: boolean;
  accepts(presented: readonly string[]): boolean;
  /** Whether `presented` contains the local token, which commands of the server's user read from a file. */
  acceptsLocal(presented: readonly string[]): boolean;
}

export interface TokenHash {
  /** In hex. */
  readonly sha256: string;
}
export const hashToken = (token: string): TokenHash => ({ sha256: sha256(token).toString('hex') });

/** Hashes both sides, so timing reveals neither the length nor a common prefix. */
export function createTokenVerifier(token: Secret | TokenHash | undefined, local?: TokenHash): TokenVerifier {
  const acceptsLocal = local ? isOneOf(Buffer.from(local.sha256, 'hex')) : () => false;
  if (!token) return { required: false, accepts: () => true, acceptsLocal };
  const accepts = isOneOf('sha256' in token ? Buffer.from(token.sha256, 'hex') : sha256(token.reveal()));
  return { required: true, accepts, acceptsLocal };
}

const isOneOf = (expected: Buffer) => (presented: readonly string[]) =>
  presented.some((candidate) => timingSafeEqual(sha256(candidate), expected));

const sha256 = (text: string) => createHash('sha256').update(text).digest();

export interface TokenSources {
  readonly authorization?: string | undefined;
  /** `?token=`, as parsed from the query. */
  readonly query?: unknown;
  readonly protocols?: string | undefined;
  /** A JSON object with a `token`, as tRPC's clients send it. */
  readonly connectionParams?: unknown;
}

export function readPresentedTokens({ authorization, query, protocols, connectionParams }: TokenSources): string[] {
  const tokens: string[] = [];
  const bearer = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (bearer) tokens.push(bearer);
  if (typeof query === 'string' && query !== '') tokens.push(query);
  const { token } = parseSubprotocols(protocols);
  if (token) tokens.push(token);
  const parameter = /^\s*\{/.test(String(connectionParams)) ? tokenAmong(String(connectionParams)) : undefined;
  if (parameter) tokens.push(parameter);
  return tokens;
}

const parameterLimits = { maxBytes: 16_384, maxDepth: 16, maxValues: 100 };
function tokenAmong(json: string): string | undefined {
  const found = parseJson(json, parameterLimits);
  const { token } = found.ok ? (found.value as { token?: unknown }) : {};
  return typeof token === 'string' ? token : undefined;
}

const carrier = 'corral.bearer.';

/** A browser's WebSocket cannot set headers, so the token is in a subprotocol. */
export function parseSubprotocols(header: string | undefined): { offered: string[]; token: string | undefined } {
  const all = (header ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const carried = all.find((name) => name.startsWith(carrier))?.slice(carrier.length);
  return {
    offered: all.filter((name) => !name.startsWith(carrier)), // the response never selects the token's protocol
    token: carried ? Buffer.from(carried, 'base64url').toString('utf8') : undefined,
  };
}

const secretNames = new Set(['token', 'connectionparams', 'signature', 'upload', 'corral_preview', 'code', 'state']);
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export function maskUrlTokens(url: string): string {
  return url.replace(/([?&])([^=?&#]*)=[^&#]*/g, (pair, start: string, name: string) =>
    secretNames.has(decoded(name).toLowerCase()) ? `${start}${name}=***` : pair,
  );
}
