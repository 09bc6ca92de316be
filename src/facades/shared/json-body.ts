import { InvalidRequest } from './error-style.ts';

const maxDepth = 64;
/** Far more than any real request has; parsing a million keys would block the server for half a second. */
const maxValues = 50_000;

/** Parses a client's body; an empty one is undefined. Rejects with a reason for the client. */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  measure(bytes);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unreadable('The request body is not valid JSON.');
  }
}

/** An unreadable body also violates its route's schema: dialects that list fields name `body`. */
const unreadable = (text: string) => new InvalidRequest([{ type: 'json_invalid', loc: ['body'], msg: text }], text);

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);

/** Checks the limits in one pass over the bytes, before anything is built from them. */
function measure(bytes: Buffer): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === quote) at = endOfString(bytes, at);
    else if (byte === comma) values++;
    else if (openers.has(byte)) depth++;
    else if (closers.has(byte)) depth--;
    if (depth > maxDepth) throw unreadable(`The request body nests deeper than ${maxDepth} levels.`);
    if (values > maxValues) throw unreadable(`The request body has more than ${maxValues} values.`);
  }
}

function endOfString(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); end !== -1; end = bytes.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (bytes[end - 1 - escapes] === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return bytes.length; // the bracket is never closed, which the parser reports
}
