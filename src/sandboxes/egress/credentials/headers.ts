import type { IncomingMessage } from 'node:http';
import { keepEndToEndHeaders, pickHeaders, withoutHeaders } from '../heads.ts';
import { type EgressTarget, formatHostPort } from '../target.ts';
import type { Credential } from './credential.ts';
import { gitHeaders } from './git-requests.ts';
import { type PlaceholderReplacement, replacePlaceholdersInHeader } from './replacement.ts';

export interface InjectedRequest {
  /** Alternating names and values. */
  readonly headers: readonly string[];
  readonly body: readonly PlaceholderReplacement[];
  readonly secrets: readonly Buffer[];
  readonly isForGit: boolean;
}

/** Request headers that allow compressed answers, in which the secret could not be found. */
const unsearchable = ['accept-encoding', 'a-im', 'sec-websocket-extensions'];

interface HeaderValues {
  /** Credentials that set a header, with their values. The sandbox's header of the same name is dropped. */
  readonly fixed: readonly (readonly [Credential, string])[];
  readonly replacements: readonly PlaceholderReplacement[];
}
export function injectCredentials(
  req: IncomingMessage,
  target: EgressTarget,
  { fixed: values, replacements }: HeaderValues,
): string[] {
  const replaced = new Set([...unsearchable, ...values.map(([{ header }]) => header)]);
  const kept = ['Host', target.port === 443 ? target.host : formatHostPort(target)];
  const items = withoutHeaders(keepEndToEndHeaders(req), replaced).map((text) =>
    replacePlaceholdersInHeader(text, replacements),
  );
  kept.push(...(values.some(([{ isForGit }]) => isForGit) ? pickHeaders(items, gitHeaders) : items));
  for (const [{ header, write }, value] of values) kept.push(header, write(value));
  if (req.headers['transfer-encoding'] !== undefined) kept.push('Transfer-Encoding', 'chunked');
  return [...kept, 'Accept-Encoding', 'identity'];
}
