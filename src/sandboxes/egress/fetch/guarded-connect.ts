import { promises as dns } from 'node:dns';
import { connect, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { raceAbort, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { EgressTarget } from '../target.ts';
import { type AddressRules, createAddressCheck } from './addresses.ts';

/** Resolves a name to all its addresses, in the order to try them. */
export type HostResolver = (host: string, signal: AbortSignal) => Promise<readonly string[]>;
/** Connects to exactly this address. Each direction of the connection ends separately. */
export type AddressDialer = (address: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export interface Connector {
  readonly resolve: HostResolver;
  readonly dial: AddressDialer;
  readonly reachable: (address: string) => boolean;
  readonly connectMs: number;
  /** Whether an address of a name can be dialled. Absent: all can. */
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

export type ConnectResult =
  | { readonly kind: 'open'; readonly socket: Duplex; readonly address: string }
  | { readonly kind: 'private' }
  /** `admits` excluded every address. */
  | { readonly kind: 'left out' }
  /** The connection is allowed but failed: the name does not resolve, or no address answers. */
  | { readonly kind: 'failed'; readonly why: string; readonly timedOut: boolean };

/** Time limit for one address while there are further addresses to try. */
const perAddressMs = 3_000;
const maxAddresses = 4;

/**
 * Resolves, checks and connects: the only way to connect to an untrusted name. One private address rejects the whole name. The
 * dialled address is the checked address, because a second lookup could return a different address. Rejects only when `signal`
 * fires.
 */
export async function guardedConnect(
  via: Connector,
  target: EgressTarget,
  signal: AbortSignal,
): Promise<ConnectResult> {
  const late = AbortSignal.timeout(via.connectMs);
  const either = AbortSignal.any([signal, late]);
  const failed = (why: string): ConnectResult => ({ kind: 'failed', why, timedOut: late.aborted });
  let addresses: readonly string[];
  // A DNS lookup cannot be cancelled, so the caller stops waiting for it instead.
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
    const attempt = last ? either : AbortSignal.any([either, AbortSignal.timeout(perAddressMs)]);
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

export const systemResolver: HostResolver = async (host) =>
  (await dns.lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

export const systemDialer: AddressDialer = async (address, port, signal) => {
  throwIfAborted(signal);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const family = isIPv6(address) ? 6 : 4;
  const socket = connect({ host: address, port, family, allowHalfOpen: true, noDelay: true });
  // With connect's own `signal` option, the connect timeout would later end a connection that is already open.
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  socket.once('connect', resolve).on('error', reject); // not removed: a later error must have a listener
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
