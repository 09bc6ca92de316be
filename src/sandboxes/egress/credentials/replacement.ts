import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { keepEndToEndHeaders, pickHeaders, withoutHeaders } from '../heads.ts';
import type { StreamFilter } from '../pipe-filtered.ts';
import { type EgressTarget, formatHostPort } from '../target.ts';
import type { Credential } from './credential.ts';
import { gitHeaders } from './git-requests.ts';
import { countBytesToHold, createFilterStream } from './withhold.ts';

export interface PlaceholderReplacement {
  readonly placeholder: string;
  /** Printable ASCII. */
  readonly value: string;
  readonly onUse: () => void;
}

const replaceIn = (text: string, all: readonly PlaceholderReplacement[]): string =>
  all.reduce((now, { placeholder, value, onUse }) => {
    if (!now.includes(placeholder)) return now;
    onUse();
    return now.replaceAll(placeholder, () => value);
  }, text);

function replacePlaceholdersInHeader(text: string, all: readonly PlaceholderReplacement[]): string {
  const [, scheme, encoded = ''] = /^(basic\s+)(\S+)$/i.exec(text) ?? [];
  if (scheme === undefined) return replaceIn(text, all);
  const before = Buffer.from(encoded, 'base64').toString('latin1');
  const after = replaceIn(before, all);
  return after === before ? text : `${scheme}${Buffer.from(after, 'latin1').toString('base64')}`;
}

export function encodeForContentType(contentType = '', value: string): string {
  if (/\bjson\b/i.test(contentType)) return JSON.stringify(value).slice(1, -1);
  return /x-www-form-urlencoded/i.test(contentType) ? encodeURIComponent(value) : value;
}

/** Maximum size, in bytes, of a body to buffer. Larger bodies with a declared length pass unchanged. */
const maxHeldBytes = 256 * 1024;

interface RequestParts {
  readonly headers: readonly string[];
  readonly body: readonly PlaceholderReplacement[];
}
export async function replacePlaceholdersInBody(
  req: IncomingMessage,
  { headers, body }: RequestParts,
): Promise<{ readonly headers: readonly string[]; readonly body: Readable | Buffer }> {
  const { 'content-encoding': encoding, 'transfer-encoding': transfer, 'content-length': length } = req.headers;
  if (body.length === 0 || encoding !== undefined) return { headers, body: req };
  const filter = replaceFilter(body);
  if (transfer !== undefined) return { headers, body: req.pipe(createFilterStream(filter)) };
  if (length === undefined || Number(length) > maxHeldBytes) return { headers, body: req };
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(filter.pass(chunk as Buffer) as Buffer);
  const bytes = Buffer.concat([...chunks, filter.rest()]);
  return {
    headers: [...withoutHeaders(headers, new Set(['content-length'])), 'Content-Length', `${bytes.length}`],
    body: bytes,
  };
}

function replaceFilter(all: readonly PlaceholderReplacement[]): StreamFilter {
  const texts = all.map(({ placeholder }) => Buffer.from(placeholder));
  let held = Buffer.alloc(0);
  return {
    pass(chunk) {
      const seen = Buffer.from(replaceIn(Buffer.concat([held, chunk]).toString('latin1'), all), 'latin1');
      const keep = countBytesToHold(texts, seen);
      held = Buffer.from(seen.subarray(seen.length - keep));
      return seen.subarray(0, seen.length - keep);
    },
    rest: () => held,
  };
}

export interface InjectedRequest {
  /** Alternating names and values. */
  readonly headers: readonly string[];
  readonly body: readonly PlaceholderReplacement[];
  readonly secrets: readonly Buffer[];
  readonly isForGit: boolean;
}

/** Headers that allow compressed responses, in which the secret could not be found. */
const unsearchable = ['accept-encoding', 'a-im', 'sec-websocket-extensions'];

interface HeaderValues {
  /** The sandbox's header of the same name is dropped. */
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
