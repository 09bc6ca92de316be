import { promises as dns } from 'node:dns';
import { connect, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { throwIfFired } from '../core/cancel.ts';
import type { Target } from './target.ts';

/** Every address of a name, in the order to try them. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly string[]>;
/** A connection to that very address, both directions ending on their own. */
export type Dial = (address: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export interface Connector {
  readonly resolve: Resolve;
  readonly dial: Dial;
  readonly reachable: (address: string) => boolean;
  readonly connectMs: number;
}

export type Connected =
  | { readonly kind: 'open'; readonly socket: Duplex }
  | { readonly kind: 'private' }
  /** Nobody decided against it, it did not work: the name is unknown, nothing answers. */
  | { readonly kind: 'failed'; readonly why: string; readonly timedOut: boolean };

/** While another address is left to try, one that does not answer gets this long. */
const perAddressMs = 3_000;
const maxAddresses = 4;

/**
 * Resolve, check, connect: the one way from a name to a connection for whatever somebody else named.
 * One private address among a name's addresses condemns the name, and the address that was checked is
 * the one that is dialled; a second look-up could answer something else.
 */
export async function guardedConnect(via: Connector, target: Target, signal: AbortSignal): Promise<Connected> {
  const late = AbortSignal.timeout(via.connectMs);
  const either = AbortSignal.any([signal, late]);
  const failed = (why: string): Connected => ({ kind: 'failed', why, timedOut: late.aborted });
  let addresses: readonly string[];
  try {
    addresses = target.kind === 'address' ? [target.host] : await orAborted(via.resolve(target.host, either), either);
  } catch (thrown) {
    throwIfFired(signal);
    return failed(late.aborted ? 'the name was not resolved in time' : `the name does not resolve${codeOf(thrown)}`);
  }
  if (addresses.length === 0) return failed('the name has no address');
  if (!addresses.every(via.reachable)) return { kind: 'private' };

  let why = 'nothing answers';
  const chosen = addresses.slice(0, maxAddresses);
  for (const [index, address] of chosen.entries()) {
    const last = index === chosen.length - 1;
    const attempt = last ? either : AbortSignal.any([either, AbortSignal.timeout(perAddressMs)]);
    try {
      return { kind: 'open', socket: await via.dial(address, target.port, attempt) };
    } catch (thrown) {
      throwIfFired(signal);
      if (late.aborted) return failed(`no connection within ${via.connectMs / 1_000} s`);
      why = `the connection failed${codeOf(thrown)}`;
    }
  }
  return failed(why);
}

export const systemResolve: Resolve = async (host) =>
  (await dns.lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

export const systemDial: Dial = async (address, port, signal) => {
  throwIfFired(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const family = isIPv6(address) ? 6 : 4;
  const socket = connect({ host: address, port, family, allowHalfOpen: true, noDelay: true });
  // Not connect's own `signal`: that one would go on to end the connection when the connect time is over.
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  socket.once('connect', resolve).on('error', reject); // stays: an error later on must find a listener
  try {
    await promise;
    return socket;
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

// A look-up cannot be called back; nobody has to wait for it, though.
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfFired(signal);
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const codeOf = (thrown: unknown): string => {
  const code = (thrown as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? ` (${code})` : '';
};
