import type { IncomingHttpHeaders } from 'node:http';

/** The one value of a header; undefined when it is missing or empty. */
export function readHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const one = Array.isArray(value) ? value[0] : value;
  return one === '' ? undefined : one;
}
