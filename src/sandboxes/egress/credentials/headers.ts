import type { IncomingMessage } from 'node:http';
import { endToEnd, onlyHeaders, withoutHeaders } from '../heads.ts';
import { formatAuthority, type Target } from '../target.ts';
import type { Credential } from './credential.ts';
import { gitHeaders } from './git-requests.ts';

export interface FilledHeaders {
  /** Alternating names and values. */
  readonly headers: readonly string[];
  /** Texts that must not be returned. */
  readonly secrets: readonly Buffer[];
  /** Includes a credential for git. */
  readonly isForGit: boolean;
}

/** Request headers for compressed answers, in which the secret could not be found. */
const unsearchable = ['accept-encoding', 'a-im', 'sec-websocket-extensions'];

/** The headers of a request with each credential in its place. The sandbox's own header of that name is dropped. */
export function filledHeaders(
  req: IncomingMessage,
  target: Target,
  values: readonly (readonly [Credential, string])[],
): string[] {
  const replaced = new Set([...unsearchable, ...values.map(([{ header }]) => header)]);
  const kept = ['Host', target.port === 443 ? target.host : formatAuthority(target)];
  const items = withoutHeaders(endToEnd(req), replaced);
  kept.push(...(values.some(([{ isForGit }]) => isForGit) ? onlyHeaders(items, gitHeaders) : items));
  for (const [{ header, write }, value] of values) kept.push(header, write(value));
  if (req.headers['transfer-encoding'] !== undefined) kept.push('Transfer-Encoding', 'chunked');
  return [...kept, 'Accept-Encoding', 'identity'];
}
