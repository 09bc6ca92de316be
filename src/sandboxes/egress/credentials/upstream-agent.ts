import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Client } from '../client.ts';
import type { OpenUpstream } from '../open-upstream.ts';
import type { Target } from '../target.ts';

export interface Tunnel {
  readonly client: Client;
  readonly target: Target;
  readonly upstream: Duplex;
}

const maxTickets = 1_000;

/**
 * Agents that speak TLS to a tunnel's target, over the tunnel's own connection first and then over further ones that
 * the policy allows. A sandbox's next connection to a host resumes the last TLS session: the handshake is half the work
 * of a short request. `trusted`: the authorities of real servers, as PEM.
 */
export function upstreamAgents(trusted: string, open: OpenUpstream) {
  let secureContext: SecureContext | undefined; // created for the first tunnel, because most servers have none
  const tickets = new Map<string, Buffer>();
  const keep = (key: string, ticket: Buffer) => {
    tickets.delete(key);
    tickets.set(key, ticket);
    const [oldest] = tickets.keys();
    if (tickets.size > maxTickets && oldest !== undefined) tickets.delete(oldest);
  };

  function secured({ client, target }: Tunnel, plain: Duplex): Promise<TLSSocket> {
    // Never shared between sandboxes, because the host could tell by its ticket that two of them belong together.
    const key = `${client.sessionId} ${target.host}:${target.port}`;
    const session = tickets.get(key);
    secureContext ??= createSecureContext({ ca: trusted });
    const tls = connect({
      socket: plain as never,
      host: target.host,
      servername: target.host,
      secureContext,
      ALPNProtocols: ['http/1.1'],
      ...(session && { session }),
    });
    tls.on('session', (ticket: Buffer) => keep(key, ticket));
    return new Promise((resolve, reject) => {
      tls.once('secureConnect', () => resolve(tls));
      tls.on('error', (error) => {
        tickets.delete(key);
        reject(error); // does nothing after the handshake, when the socket reports its end by `close`
      });
    });
  }

  return (tunnel: Tunnel): Agent => {
    const { client, target, upstream } = tunnel;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const again = async () => {
      const opened = await open(client, target);
      if (opened.kind === 'refused') throw new Error(opened.refusal.text);
      return await secured(tunnel, opened.upstream);
    };
    // Starts before the first request, during the handshake with the client.
    let first: Promise<TLSSocket> | undefined = secured(tunnel, upstream);
    first.catch(() => {}); // the first request reports it
    agent.createConnection = ((_options: unknown, done: (error: Error | null, socket?: Duplex) => void) => {
      const ready = first?.then((socket) => (socket.destroyed ? again() : socket));
      first = undefined;
      void (ready ?? again()).then((socket) => done(null, socket), done);
      return undefined;
    }) as never;
    client.gone.addEventListener('abort', () => agent.destroy(), { once: true });
    return agent;
  };
}
