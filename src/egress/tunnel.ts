import { finished } from 'node:stream';
import type { Client } from './client.ts';
import type { Passage } from './passage.ts';
import { type FirstBytes, firstBytesOf } from './sni.ts';
import { flow, readable } from './streams.ts';
import type { Target } from './target.ts';

type Open = Extract<Passage, { kind: 'open' }>;

/** More than any hello or request line needs before it can be told what it is. */
const maxFirstBytes = 20_000;
/** A fatal TLS alert, access_denied: the client then names a reason instead of a lost connection. */
const accessDenied = Uint8Array.from([0x15, 3, 3, 0, 2, 2, 49]);

/**
 * Joins a sandbox's connection to the one opened for it. The server may speak at once; what the sandbox
 * sends is held until its first bytes show that it means the place it asked for.
 * `plainHttp` takes over a tunnel that carries HTTP in the clear, whose requests are checked one by one.
 */
export async function tunnel(client: Client, { to, open }: { to: Target; open: Open }, plainHttp: () => void) {
  const { socket } = client;
  const { upstream } = open;
  let spokeFirst = false;
  upstream.once('data', () => {
    spokeFirst = true;
  });
  flow(upstream, socket, (bytes) => client.count(bytes));
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
  if (seen.length > 0) upstream.write(seen);
  flow(socket, upstream, (bytes) => client.count(bytes));
}

async function firstBytes(client: Client): Promise<{ seen: Buffer; what: FirstBytes | { kind: 'nothing' } }> {
  const { socket } = client;
  let seen = Buffer.alloc(0);
  while (!socket.readableEnded && !socket.destroyed) {
    const chunk = socket.read() as Buffer | null;
    if (!chunk) {
      await readable(socket);
      continue;
    }
    if (seen.length === 0) client.helloBegins();
    seen = Buffer.concat([seen, chunk]);
    const what = firstBytesOf(seen);
    if (what.kind === 'more' && seen.length < maxFirstBytes) continue;
    client.helloDone();
    return { seen, what: what.kind === 'more' ? { kind: 'broken-tls' } : what };
  }
  client.helloDone();
  return { seen, what: { kind: seen.length === 0 ? 'nothing' : 'other' } };
}

/** The `rule` by which these first bytes end the tunnel. */
function objectionTo(
  what: FirstBytes | { kind: 'nothing' },
  { to, open, spokeFirst }: { to: Target; open: Open; spokeFirst: boolean },
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
      return undefined; // it hung up
    case 'broken-tls':
      return 'unreadable TLS hello';
    case 'http':
      return open.strict && webPort && spokeFirst ? 'neither TLS nor HTTP' : undefined;
    default:
      // Where a name's own port says what it speaks, nothing else passes for it.
      return open.strict && webPort ? 'neither TLS nor HTTP' : undefined;
  }
}
