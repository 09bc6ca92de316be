import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Bound } from './bound.ts';
import type { Filled } from './headers.ts';
import { withhold } from './withhold.ts';

interface Upgrade extends Filled {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  /** The first bytes behind the request's head. */
  readonly head: Buffer;
}

/** Passes a WebSocket's opening request on, then its bytes in both directions. */
export function relayUpgrade({ client, target, agent }: Bound, { req, socket, head, headers, secrets }: Upgrade): void {
  const outgoing = request({
    ...{ agent, setHost: false, method: req.method ?? 'GET', path: req.url ?? '/' },
    headers: [...headers, 'Connection', 'Upgrade', 'Upgrade', req.headers.upgrade ?? 'websocket'],
  });
  const back = withhold(secrets, () => {
    client.tell(target, 'refused', 'credential: the answer repeats it');
    socket.destroy();
  });
  const leave = () => socket.destroy();
  socket.on('error', leave).once('close', () => outgoing.destroy());
  outgoing.on('error', leave);
  outgoing.once('response', (incoming) => {
    back.write(headOf(incoming));
    incoming.on('error', leave).pipe(back).pipe(socket);
  });
  outgoing.once('upgrade', (incoming: IncomingMessage, upstream: Duplex, first: Buffer) => {
    upstream.on('error', leave).once('close', leave);
    socket.once('close', () => upstream.destroy());
    back.write(headOf(incoming));
    if (first.length > 0) back.write(first);
    if (head.length > 0) upstream.write(head);
    for (const one of [socket, upstream]) one.on('data', (chunk: Buffer) => client.count(chunk.length));
    upstream.pipe(back).pipe(socket);
    socket.pipe(upstream);
  });
  outgoing.end();
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
