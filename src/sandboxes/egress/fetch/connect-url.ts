import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { AppError } from '../../../core/errors/errors.ts';
import { toEgressTarget } from '../target.ts';
import { type Connector, guardedConnect } from './guarded-connect.ts';

/**
 * Connects to the host of a URL, over TLS for https. Rejects with AppError: invalid_request (another scheme), forbidden (a
 * private address), not_found (no connection), cancelled, deadline_exceeded.
 */
export async function connectToUrl(
  url: URL,
  { via, ca }: { via: Connector; ca: string | undefined },
  signal: AbortSignal,
): Promise<Duplex> {
  if (!/^https?:$/.test(url.protocol))
    throw new AppError('invalid_request', `${url.protocol} URLs are not supported. Use http: or https:.`);
  const secure = url.protocol === 'https:';
  const target = toEgressTarget(url.hostname.replace(/^\[(.*)\]$/, '$1'), Number(url.port) || (secure ? 443 : 80));
  const connected = await guardedConnect(via, target, signal);
  if (connected.kind === 'private' || connected.kind === 'left out') {
    throw new AppError('forbidden', `${url.host} is at a private address; see egress.allowRanges.`);
  }
  if (connected.kind === 'failed') throw new AppError('not_found', `${url.host}: ${connected.why}.`);
  const socket = connected.socket.on('error', () => {});
  if (!secure) return socket;
  const tls = connectTls({
    socket,
    host: target.host,
    ...(target.kind === 'name' && { servername: target.host }),
    ...(ca !== undefined && { ca }),
  });
  try {
    await once(tls, 'secureConnect', { signal });
    return tls.on('error', () => {});
  } catch (cause) {
    tls.on('error', () => {}).destroy();
    throw new AppError('not_found', `${url.host} could not be reached over TLS.`, { cause });
  }
}
