import { parseJson } from '../../core/text/json.ts';
import { replaceLoneSurrogates } from '../../core/text/text.ts';
import { InvalidRequestError } from '../errors/error-style.ts';

/** Transports limit the bytes. Parsing a million keys takes half a second. */
const limits = { maxBytes: Number.POSITIVE_INFINITY, maxDepth: 64, maxValues: 50_000 };

export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const json = parseJson(bytes, limits);
  if (json.ok) return bytes.includes('\\ud') || bytes.includes('\\uD') ? replaceLoneSurrogates(json.value) : json.value;
  if (json.reason === 'not_json') throw unreadable('The request body is not valid JSON.');
  throw unreadable(`The request body is too complex: ${json.detail}.`);
}

export function parseJsonParameter(text: string): { readonly value: unknown } | undefined {
  const json = parseJson(text, limits);
  if (json.ok) return json;
  if (json.reason === 'not_json') return undefined;
  throw unreadable(`A parameter of the URL is too complex: ${json.detail}.`);
}

/** Reported as a schema violation, so that facades that list invalid fields include `body`. */
const unreadable = (text: string) =>
  new InvalidRequestError([{ type: 'json_invalid', loc: ['body'], msg: text }], text);
