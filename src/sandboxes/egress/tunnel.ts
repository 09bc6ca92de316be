import { finished } from 'node:stream';
import type { EgressClient } from './client.ts';
import type { Credential } from './credentials/credential.ts';
import type { UpstreamResult } from './open-upstream.ts';
import { createPlaceholderGuard, refuseMisplacedPlaceholder } from './plain-http.ts';
import { type DetectedProtocol, detectProtocol } from './sni.ts';
import { pipeOneWay, waitForData } from './streams.ts';
import type { EgressTarget } from './target.ts';

type OpenConnection = Extract<UpstreamResult, { kind: 'open' }>;

interface JoinedTunnel {
  readonly to: EgressTarget;
  readonly open: OpenConnection;
  /** Credentials of other hosts. Their placeholders must not be sent to this target. */
  readonly credentials: readonly Credential[];
}
/** Enough bytes to recognize any ClientHello or request line. */
const maxFirstBytes = 20_000;
/** A fatal TLS alert, access_denied: it lets the client report a reason instead of a lost connection. */
const accessDenied = Uint8Array.from([0x15, 3, 3, 0, 2, 2, 49]);

/**
 * Joins a sandbox's connection to its upstream connection. The upstream server can send immediately. The sandbox's data waits
 * until its first bytes pass the policy's check. Under a strict policy, `plainHttp` takes over a tunnel that carries plain HTTP,
 * and checks its requests one by one.
 */
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

/** The `rule` that refuses these first bytes. Undefined if the tunnel can continue. */
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
