import type { OutgoingHttpHeaders } from 'node:http';
import { AppError } from '../../../../core/errors/errors.ts';
import { ownCookie } from '../../../shared/previews/cookies.ts';
import { changedHeaders, relay, withoutCredentials, withoutHops } from '../../../shared/previews/port-relay.ts';
import type { Target } from '../target.ts';
import type { Call } from './call.ts';
import { answerJson, refusals } from './refusals.ts';

/** Headers of this facade and of one connection, which no program behind a port must see. */
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

/** Headers for the program, and of its answer for the client: no cookie beyond the program's own name. */
export function forProgram(
  target: Pick<Target, 'headers' | 'port' | 'url'>,
  mask: string | undefined,
  isOurs: (text: string) => boolean,
) {
  const kept = withoutCredentials(target, isOurs);
  return {
    path: kept.url,
    headers: headersFor(kept, mask),
    changed: (raw: readonly string[]) =>
      changedHeaders(withoutHops(raw), (name, value) => (name === 'set-cookie' ? ownCookie(value) : value)),
  };
}

/** The answer for a port that could not be dialled. Rethrows what is neither the program's nor the port's fault. */
export const unreachable = (sid: string, port: number) => (thrown: unknown) => {
  if (thrown instanceof AppError && thrown.code === 'not_found') return refusals.closed(sid, port);
  if (thrown instanceof AppError && thrown.code === 'forbidden') return refusals.never(sid, thrown.publicMessage);
  throw thrown;
};

/** Passes one request on to a program in the sandbox, and its answer back, as they come. */
export async function forwardRequest(
  call: Call,
  mask: string | undefined,
  isOurs: (text: string) => boolean,
): Promise<void> {
  const { sid, target, request, response, signal } = call;
  await using inside = await call.enter();
  const connection = await inside.ports.connect(target.port, signal).catch(unreachable(sid, target.port));
  if ('body' in connection) return answerJson(response, connection.code, connection.body);
  const failed = () => {
    const { code, body } = refusals.closed(sid, target.port);
    answerJson(response, code, body);
  };
  await relay({ connection, request, response, signal, ...forProgram(target, mask, isOurs), failed });
}
