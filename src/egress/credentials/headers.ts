import type { IncomingMessage } from 'node:http';
import { endToEnd } from '../plain-http.ts';
import { authorityOf, type Target } from '../target.ts';
import type { Credential } from './credential.ts';

export interface Filled {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** The texts that must not come back. */
  readonly secrets: readonly Buffer[];
}

/** The headers of a request with each credential in its place. The sandbox's own header of that name is dropped. */
export function filledHeaders(
  req: IncomingMessage,
  target: Target,
  values: readonly (readonly [Credential, string])[],
): string[] {
  const replaced = new Set(values.map(([{ header }]) => header));
  replaced.add('accept-encoding'); // an answer that is not packed can be searched for the secret
  const all = endToEnd(req);
  const kept: string[] = ['Host', target.port === 443 ? target.host : authorityOf(target)];
  for (let at = 0; at + 1 < all.length; at += 2) {
    const name = all[at] ?? '';
    if (!replaced.has(name.toLowerCase())) kept.push(name, all[at + 1] ?? '');
  }
  for (const [{ header, write }, value] of values) kept.push(header, write(value));
  if (req.headers['transfer-encoding'] !== undefined) kept.push('Transfer-Encoding', 'chunked');
  return [...kept, 'Accept-Encoding', 'identity'];
}
