import { Agent, request as ask, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError } from '../../../../core/errors/errors.ts';
import type { Target } from '../target.ts';
import type { Call } from './call.ts';
import { answerJson, refusals } from './refusals.ts';

/** Headers of this dialect and of one connection, which no program behind a port must see. */
const own = new Set([
  ...['e2b-sandbox-id', 'e2b-sandbox-port', 'x-access-token', 'e2b-traffic-access-token'],
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'host', 'x-forwarded-host'],
]);

export function headersFor({ headers, port }: Pick<Target, 'headers' | 'port'>, mask?: string): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !own.has(name));
  const host = mask?.replaceAll(['$', '{PORT}'].join(''), String(port)) ?? headers.host ?? 'localhost';
  // Programs find it by this spelling, which every HTTP client uses.
  return { ...Object.fromEntries(kept), Host: host, 'x-forwarded-host': headers.host };
}

/** The answer for a port that could not be dialled. Rethrows what is neither the program's nor the port's fault. */
export const unreachable = (sid: string, port: number) => (thrown: unknown) => {
  if (thrown instanceof AppError && thrown.code === 'not_found') return refusals.closed(sid, port);
  if (thrown instanceof AppError && thrown.code === 'forbidden') return refusals.never(sid, thrown.publicMessage);
  throw thrown;
};

/** Passes one request on to a program in the sandbox, and its answer back, as they come. */
export async function passOn(call: Call, mask: string | undefined): Promise<void> {
  const { sid, target, request, response, signal } = call;
  await using inside = await call.enter();
  const connection = await inside.ports.connect(target.port, signal).catch(unreachable(sid, target.port));
  if ('body' in connection) return answerJson(response, connection.code, connection.body);
  const over = Promise.withResolvers<void>();
  const leave = () => void connection.destroy();
  signal.addEventListener('abort', leave, { once: true });
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  const agent = new Agent();
  agent.createConnection = () => connection;
  const outgoing = ask({
    agent,
    method: request.method,
    path: target.url,
    headers: { ...headersFor(target, mask), connection: 'close', ...(isChunked && { 'transfer-encoding': 'chunked' }) },
    maxHeaderSize: 64 * 1024,
  });
  outgoing.once('response', (answer) => {
    for (const name of response.getHeaderNames()) response.removeHeader(name); // the program's answer stays as it is
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutHops(answer.rawHeaders));
    answer.once('error', () => response.destroy());
    answer.pipe(response);
  });
  outgoing.once('upgrade', (_answer, socket: Duplex) => {
    socket.destroy(); // nobody asked for it
    response.destroy();
  });
  outgoing.once('error', () => {
    if (response.headersSent) return void response.destroy();
    const { code, body } = refusals.closed(sid, target.port);
    answerJson(response, code, body);
  });
  request.once('error', leave);
  request.pipe(outgoing);
  response.once('close', over.resolve);
  await over.promise;
  signal.removeEventListener('abort', leave);
  connection.destroy();
}

function withoutHops(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (!['connection', 'keep-alive', 'transfer-encoding'].includes(name.toLowerCase()))
      kept.push(name, raw[at + 1] ?? '');
  }
  return kept;
}

/** The head of an upgrade, as the program behind the port gets it. */
export function upgradeHead(request: IncomingMessage, target: Target, mask: string | undefined): string {
  const headers = { ...headersFor(target, mask), connection: 'Upgrade' };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}`),
  );
  return `${[`${request.method} ${target.url} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

export function joined(client: Duplex, inside: Duplex): void {
  for (const [from, to] of [
    [client, inside],
    [inside, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => {}); // `close` follows and handles it
    from.once('close', () => to.destroy());
  }
}
