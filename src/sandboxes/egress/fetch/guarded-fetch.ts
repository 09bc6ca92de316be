import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, isIPv6 } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { combineSignals, raceAbort, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { waitForResponse } from '../answer.ts';
import { type EgressTarget, toEgressTarget } from '../target.ts';
import { type AddressRules, createAddressCheck } from './addresses.ts';

/** Like the global fetch, but sends only string bodies. */
export type GuardedFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

const connectMs = 10_000;
const maxHeaderBytes = 32 * 1024;
const maxStatus = 599;
const withoutBody = new Set([204, 205, 304]);

/** Does not follow redirects or reuse connections. Rejects with AppError or the signal's own error. */
export function createGuardedFetch(options: ConnectorOptions & { readonly ca?: string } = {}): GuardedFetch {
  const via = createConnector(options, connectMs);
  return async (target, init = {}) => {
    const url = new URL(target);
    const signal = init.signal ?? new AbortController().signal;
    const socket = await connectToUrl(url, { via, ca: options.ca }, signal);
    const headers = { ...Object.fromEntries(new Headers(init.headers)), host: url.host, connection: 'close' };
    const outgoing = request({
      createConnection: () => socket,
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
      method: init.method ?? 'GET',
      path: `${url.pathname}${url.search}`,
      headers,
    });
    const abort = () => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    const answer = await waitForResponse(outgoing.end(typeof init.body === 'string' ? init.body : undefined)).catch(
      (cause) => {
        socket.destroy();
        throw signal.aborted
          ? (signal.reason as Error)
          : new AppError('not_found', `The connection to ${url.host} was interrupted.`, { cause });
      },
    );
    const status = answer.statusCode ?? 0;
    if (status > maxStatus) {
      socket.destroy();
      throw new AppError('not_found', `${url.host} answered with the unknown status ${status}.`);
    }
    const has = !withoutBody.has(status);
    if (!has) answer.resume();
    const body = has ? (Readable.toWeb(answer) as ReadableStream<Uint8Array>) : null;
    return new Response(body, { status, headers: toHeaders(answer) });
  };
}

function toHeaders({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  return headers;
}

/**
 * Rejects: invalid_request (a scheme other than http or https), forbidden (a private address), not_found (no
 * connection), cancelled, deadline_exceeded.
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

/** Resolves to all addresses, in the order in which to try them. */
export type HostResolver = (host: string, signal: AbortSignal) => Promise<readonly string[]>;
/** Connects to exactly this address. The two directions of the connection end independently. */
export type AddressDialer = (address: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export interface Connector {
  readonly resolve: HostResolver;
  readonly dial: AddressDialer;
  readonly reachable: (address: string) => boolean;
  readonly connectMs: number;
  readonly admits?: ((address: string) => boolean) | undefined;
}
export interface ConnectorOptions {
  /** Default: public addresses only. */
  readonly addresses?: AddressRules;
  readonly resolve?: HostResolver;
  readonly dial?: AddressDialer;
}

export const createConnector = (
  { addresses = {}, resolve = systemResolver, dial = systemDialer }: ConnectorOptions,
  connectMs: number,
): Connector => ({ resolve, dial, reachable: createAddressCheck(addresses), connectMs });

type ConnectResult =
  | { readonly kind: 'open'; readonly socket: Duplex; readonly address: string }
  | { readonly kind: 'private' }
  /** `admits` excluded every address. */
  | { readonly kind: 'left out' }
  /** The connection is allowed, but the name does not resolve or no address answers. */
  | { readonly kind: 'failed'; readonly why: string; readonly timedOut: boolean };

/** Maximum milliseconds to spend on one address while others are left to try. */
const perAddressMs = 3_000;
const maxAddresses = 4;

/**
 * Refuses names with any private address. Dials the checked address, because a second lookup could return another.
 * Rejects only when `signal` fires.
 */
export async function guardedConnect(
  via: Connector,
  target: EgressTarget,
  signal: AbortSignal,
): Promise<ConnectResult> {
  const late = AbortSignal.timeout(via.connectMs);
  const either = combineSignals([signal, late]);
  const failed = (why: string): ConnectResult => ({ kind: 'failed', why, timedOut: late.aborted });
  let addresses: readonly string[];
  // A DNS lookup cannot be cancelled, so the caller only stops waiting for it.
  try {
    addresses = target.kind === 'address' ? [target.host] : await raceAbort(via.resolve(target.host, either), either);
  } catch (thrown) {
    throwIfAborted(signal);
    return failed(late.aborted ? 'the name was not resolved in time' : `the name does not resolve${codeOf(thrown)}`);
  }
  if (addresses.length === 0) return failed('the name has no address');
  if (!addresses.every(via.reachable)) return { kind: 'private' };

  const { admits } = via;
  const admitted = admits ? addresses.filter(admits) : addresses;
  if (admitted.length === 0) return { kind: 'left out' };

  let why = 'nothing answers';
  const chosen = admitted.slice(0, maxAddresses);
  for (const [index, address] of chosen.entries()) {
    const last = index === chosen.length - 1;
    const attempt = last ? either : combineSignals([either, AbortSignal.timeout(perAddressMs)]);
    try {
      return { kind: 'open', socket: await via.dial(address, target.port, attempt), address };
    } catch (thrown) {
      throwIfAborted(signal);
      if (late.aborted) return failed(`no connection within ${via.connectMs / 1_000} s`);
      why = `the connection failed${codeOf(thrown)}`;
    }
  }
  return failed(why);
}

const systemResolver: HostResolver = async (host) =>
  (await dns.lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

export const systemDialer: AddressDialer = async (address, port, signal) => {
  throwIfAborted(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const family = isIPv6(address) ? 6 : 4;
  const socket = connect({ host: address, port, family, allowHalfOpen: true, noDelay: true });
  // With connect's own `signal` option, the connect timeout would later end an open connection.
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  socket.once('connect', resolve).on('error', reject); // never removed, because a later error must have a listener
  try {
    await promise;
    return socket;
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

const codeOf = (thrown: unknown): string => {
  const code = (thrown as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? ` (${code})` : '';
};
