import { type IncomingMessage, request, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { limitInterimResponses } from '../../../core/concurrency/interim-answers.ts';
import { findResponseFault, repeatedSecretRule, unsearchableResponseRule } from '../answer.ts';
import { countHeadBytes } from '../heads.ts';
import { Refusal } from '../refusal.ts';
import type { InterceptedTunnel } from './bound.ts';
import type { FilledHeaders } from './headers.ts';
import { type ResponseSearchResult, searchResponse } from './searched-answer.ts';
import { createFrameSearchFilter } from './websocket-search.ts';
import { createFilterStream, createWithholdStream } from './withhold.ts';

interface Upgrade extends FilledHeaders {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** The reason why a request cannot change the protocol: only WebSocket answers can be searched. */
export function checkUpgrade({ client, target }: InterceptedTunnel, { method, headers }: IncomingMessage) {
  const hasBody = headers['transfer-encoding'] !== undefined || !/^0*$/.test(headers['content-length'] ?? '');
  if (headers.upgrade?.toLowerCase() === 'websocket' && method === 'GET' && !hasBody) return undefined;
  client.tell(target, 'refused', 'credential: not a WebSocket');
  const why = 'it has a credential, and the request asks for a protocol that is not WebSocket';
  return Refusal.of(target, why, 'Send the request without Upgrade.');
}

/** Resolves when the sandbox's side is closed. */
export function relayUpgrade(
  { client, target, agent }: InterceptedTunnel,
  { req, socket, head, headers, secrets }: Upgrade,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const outgoing = request({
    agent,
    setHost: false,
    method: 'GET',
    path: req.url ?? '/',
    headers: [...headers, 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
  });
  limitInterimResponses(outgoing);
  let isAnswered = false;
  const leave = () => void socket.destroy();
  const reject = (why: string) => {
    if (isAnswered) return leave();
    isAnswered = true;
    socket.end(Refusal.failed(target, why, false).asHttp());
    outgoing.destroy();
  };
  const stop = (rule: string) => {
    client.tell(target, 'refused', rule);
    leave();
  };
  const begin = (incoming: IncomingMessage, more: readonly string[]): ResponseSearchResult | undefined => {
    client.count(countHeadBytes(incoming));
    const found = searchResponse(incoming, { method: 'GET', secrets });
    if (found.kind === 'searchable') {
      isAnswered = true;
      socket.write(formatHead(incoming.statusCode, [...found.headers, ...more]), 'latin1');
      return found;
    }
    client.tell(target, 'refused', found.kind === 'repeats' ? repeatedSecretRule : unsearchableResponseRule);
    reject(found.kind === 'repeats' ? 'its answer repeats a credential' : found.why);
    return undefined;
  };
  socket.on('error', leave).once('close', () => {
    outgoing.destroy();
    resolve();
  });
  outgoing.on('error', (error) => reject(`the server's answer was cut off (${error.message})`));
  outgoing.once('response', (incoming) => {
    const fault = findResponseFault(incoming);
    if (fault) return reject(fault);
    const found = begin(incoming, ['Connection', 'close']);
    if (found?.kind !== 'searchable') return;
    const back = createWithholdStream(secrets, () => stop(repeatedSecretRule));
    found.body.on('error', leave).on('data', (chunk: Buffer) => client.count(chunk.length));
    found.body.pipe(back).pipe(socket);
  });
  outgoing.once('upgrade', (incoming: IncomingMessage, upstream: Duplex, first: Buffer) => {
    upstream.on('error', leave).once('close', leave);
    socket.once('close', () => upstream.destroy());
    const { upgrade = '', 'sec-websocket-extensions': extensions } = incoming.headers;
    if (incoming.statusCode !== 101 || upgrade.toLowerCase() !== 'websocket' || extensions !== undefined) {
      client.tell(target, 'refused', unsearchableResponseRule);
      return reject('its answer changes the protocol without a request');
    }
    if (!begin(incoming, ['Connection', 'Upgrade', 'Upgrade', 'websocket'])) return;
    const back = createFilterStream(
      createFrameSearchFilter(secrets, (why) =>
        stop(why === 'repeats' ? repeatedSecretRule : unsearchableResponseRule),
      ),
    );
    if (first.length > 0) back.write(first);
    if (head.length > 0) upstream.write(head);
    for (const one of [socket, upstream]) one.on('data', (chunk: Buffer) => client.count(chunk.length));
    upstream.pipe(back).pipe(socket);
    socket.pipe(upstream);
  });
  outgoing.end();
  return promise;
}

function formatHead(status = 502, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
