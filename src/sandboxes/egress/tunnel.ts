import { finished } from 'node:stream';
import type { EgressClient } from './client.ts';
import type { Credential } from './credentials/credential.ts';
import type { UpstreamResult } from './open-upstream.ts';
import { createPlaceholderGuard, refuseMisplacedPlaceholder } from './plain-http.ts';
import { pipeOneWay, waitForData } from './streams.ts';
import type { EgressTarget } from './target.ts';

type DetectedProtocol =
  | { readonly kind: 'more' }
  | { readonly kind: 'tls'; readonly name: string | undefined; readonly encrypted: boolean }
  | { readonly kind: 'broken-tls' }
  | { readonly kind: 'http' }
  | { readonly kind: 'other' };

const more: DetectedProtocol = { kind: 'more' };
const maxHello = 16_384;
/** Per ClientHello. Limits the work, because each new chunk restarts the parser. */
const maxRecords = 64;

export function detectProtocol(seen: Buffer): DetectedProtocol {
  if (seen.length === 0) return more;
  if (seen[0] === 0x16) return clientHello(seen);
  // Skips leading line breaks, as HTTP servers do.
  const start = seen.subarray(0, 40).toString('latin1');
  if (/^[\r\n]*[A-Z]{3,20} /.test(start)) return { kind: 'http' };
  return /^[\r\n]*[A-Z]{0,20}$/.test(start) && seen.length < 40 ? more : { kind: 'other' };
}

/** A ClientHello can span several TLS records. Any violation of the format is `broken-tls`. */
function clientHello(seen: Buffer): DetectedProtocol {
  try {
    const handshake = unwrapRecords(seen);
    if (!handshake) return more;
    return { kind: 'tls', ...parseExtensions(handshake) };
  } catch {
    return { kind: 'broken-tls' };
  }
}

function unwrapRecords(seen: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let have = 0;
  let want = Number.POSITIVE_INFINITY;
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
  // Rejects a second name, because the server could use that one.
  const one = list.readUInt16BE(0) === list.length - 2 && list[2] === 0 && list.length === 5 + length;
  if (!one || length === 0 || length > 255) throw new RangeError('server_name');
  return list.toString('latin1', 5).toLowerCase().replace(/\.$/, '');
}

type OpenConnection = Extract<UpstreamResult, { kind: 'open' }>;

interface JoinedTunnel {
  readonly to: EgressTarget;
  readonly open: OpenConnection;
  /** Other hosts' credentials, whose placeholders must not be sent to this target. */
  readonly credentials: readonly Credential[];
}
/** Enough for any ClientHello or request line. */
const maxFirstBytes = 20_000;
/** The TLS alert access_denied gives the client a reason instead of a lost connection. */
const accessDenied = Uint8Array.from([0x15, 3, 3, 0, 2, 2, 49]);

/** Forwards the sandbox's data only after the policy allows its first bytes. */
export async function proxyTunnel(
  client: EgressClient,
  { to, open, credentials }: JoinedTunnel,
  plainHttp: () => void,
) {
  const { socket } = client;
  const { upstream } = open;
  let spokeFirst = false;
  upstream.once('data', () => {
    spokeFirst = true;
  });
  pipeOneWay(upstream, socket, (bytes) => client.count(bytes));
  const unwatch = finished(upstream, (failed) => {
    if (failed) socket.destroy();
  });
  const disconnect = () => {
    unwatch();
    upstream.unpipe(socket);
    upstream.destroy();
  };

  const { seen, what } = await firstBytes(client);
  const objection = objectionTo(what, { to, open, spokeFirst });
  if (objection) {
    disconnect();
    client.tell(to, 'refused', objection);
    client.farewell(what.kind === 'tls' || what.kind === 'broken-tls' ? accessDenied : new Uint8Array());
    return;
  }
  if (what.kind === 'http' && open.strict && !spokeFirst) {
    disconnect();
    client.pinned = to;
    socket.unshift(seen);
    plainHttp();
    return;
  }
  client.count(seen.length);
  if (credentials.length > 0 && what.kind !== 'tls') {
    const guard = createPlaceholderGuard(credentials, (credential) => {
      client.farewell(refuseMisplacedPlaceholder(client, to, credential));
      disconnect();
    });
    guard.write(seen);
    socket.on('data', (chunk: Buffer) => client.count(chunk.length));
    socket.pipe(guard).pipe(upstream);
    return;
  }
  if (seen.length > 0) upstream.write(seen);
  pipeOneWay(socket, upstream, (bytes) => client.count(bytes));
}

async function firstBytes(
  client: EgressClient,
): Promise<{ seen: Buffer; what: DetectedProtocol | { kind: 'nothing' } }> {
  const { socket } = client;
  let seen = Buffer.alloc(0);
  while (!socket.readableEnded && !socket.destroyed) {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) {
      await waitForData(socket);
      continue;
    }
    if (seen.length === 0) client.helloBegins();
    seen = Buffer.concat([seen, chunk]);
    const what = detectProtocol(seen);
    if (what.kind === 'more' && seen.length < maxFirstBytes) continue;
    client.helloDone();
    return { seen, what: what.kind === 'more' ? { kind: 'broken-tls' } : what };
  }
  client.helloDone();
  return { seen, what: { kind: seen.length === 0 ? 'nothing' : 'other' } };
}

function objectionTo(
  what: DetectedProtocol | { kind: 'nothing' },
  { to, open, spokeFirst }: { to: EgressTarget; open: OpenConnection; spokeFirst: boolean },
): string | undefined {
  const webPort = to.port === 80 || to.port === 443;
  switch (what.kind) {
    case 'tls': {
      const { name, encrypted } = what;
      if (open.strict && encrypted) return 'encrypted TLS name';
      if (name === undefined) return open.strict && to.kind === 'name' ? 'no TLS name' : undefined;
      if (name === to.host || (to.kind === 'address' && open.mayName(name))) return undefined;
      return `TLS name differs: ${name.replace(/[^a-z0-9_.:-]/g, '?')}`;
    }
    case 'nothing':
      return undefined; // the sandbox disconnected
    case 'broken-tls':
      return 'unreadable TLS hello';
    case 'http':
      return open.strict && webPort && spokeFirst ? 'neither TLS nor HTTP' : undefined;
    default:
      // On ports 80 and 443, only HTTP and TLS prove the target's name.
      return open.strict && webPort ? 'neither TLS nor HTTP' : undefined;
  }
}
