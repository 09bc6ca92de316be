/** The protocol that a tunnel's first bytes reveal. `more`: too few bytes to tell. */
export type DetectedProtocol =
  | { readonly kind: 'more' }
  | { readonly kind: 'tls'; readonly name: string | undefined; readonly encrypted: boolean }
  | { readonly kind: 'broken-tls' }
  | { readonly kind: 'http' }
  | { readonly kind: 'other' };

const more: DetectedProtocol = { kind: 'more' };
const maxHello = 16_384;
/**
 * Maximum records of a ClientHello; a normal one has one or two. The parser restarts with each chunk, so many small records would
 * be expensive.
 */
const maxRecords = 64;

export function detectProtocol(seen: Buffer): DetectedProtocol {
  if (seen.length === 0) return more;
  if (seen[0] === 0x16) return clientHello(seen);
  // Leading line breaks are treated as HTTP: servers skip them, so they could hide a request.
  const start = seen.subarray(0, 40).toString('latin1');
  if (/^[\r\n]*[A-Z]{3,20} /.test(start)) return { kind: 'http' };
  return /^[\r\n]*[A-Z]{0,20}$/.test(start) && seen.length < 40 ? more : { kind: 'other' };
}

/** Reads the server name from a ClientHello, which can span several TLS records. Any violation of the format is `broken-tls`. */
function clientHello(seen: Buffer): DetectedProtocol {
  try {
    const handshake = unwrapRecords(seen);
    if (!handshake) return more;
    return { kind: 'tls', ...parseExtensions(handshake) };
  } catch {
    return { kind: 'broken-tls' }; // a read beyond the end, or a wrong length
  }
}

function unwrapRecords(seen: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let have = 0;
  let want = Number.POSITIVE_INFINITY;
  // The check ignores the bytes after the hello, such as early data.
  for (let at = 0; at < seen.length && have < want; ) {
    if (seen[at] !== 0x16 || (at + 1 < seen.length && seen[at + 1] !== 3))
      throw new RangeError('not a handshake record');
    if (at + 5 > seen.length) return undefined;
    const length = seen.readUInt16BE(at + 3);
    if (length === 0 || length > maxHello || parts.length >= maxRecords) throw new RangeError('records');
    const part = seen.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    at += 5 + length;
    if (have >= 4 && want === Number.POSITIVE_INFINITY) want = wholeLength(Buffer.concat(parts));
  }
  return have < want ? undefined : Buffer.concat(parts).subarray(4, want);
}

function wholeLength(start: Buffer): number {
  const length = 4 + start.readUIntBE(1, 3);
  if (start[0] !== 1 || length > maxHello) throw new RangeError('not a ClientHello');
  return length;
}

function parseExtensions(hello: Buffer): { name: string | undefined; encrypted: boolean } {
  let at = 2 + 32;
  at += 1 + hello.readUInt8(at); // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello.readUInt8(at); // compression methods
  const found: { name: string | undefined; encrypted: boolean } = { name: undefined, encrypted: false };
  if (at === hello.length) return found;
  const end = at + 2 + hello.readUInt16BE(at);
  if (end !== hello.length) throw new RangeError('extensions length');
  at += 2;
  const types = new Set<number>();
  while (at < end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    if (types.has(type) || at + 4 + length > end) throw new RangeError('extension');
    types.add(type);
    if (type === 0) found.name = serverName(hello.subarray(at + 4, at + 4 + length));
    if (type === 0xfe0d) found.encrypted = true;
    at += 4 + length;
  }
  return found;
}

function serverName(list: Buffer): string {
  const length = list.readUInt16BE(3);
  // Exactly one entry of the only existing type: with two, the proxy and the server could use different names.
  const one = list.readUInt16BE(0) === list.length - 2 && list[2] === 0 && list.length === 5 + length;
  if (!one || length === 0 || length > 255) throw new RangeError('server_name');
  return list.toString('latin1', 5).toLowerCase().replace(/\.$/, '');
}
