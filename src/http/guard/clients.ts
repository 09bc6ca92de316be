import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

export interface RemoteClient {
  readonly address: string;
  readonly scheme: 'http' | 'https';
  readonly isForwarded: boolean;
}
type IncomingRequest = Pick<IncomingMessage, 'socket' | 'headers'>;

/** Reads `X-Forwarded-For` and `X-Forwarded-Proto` from trusted proxies only, because anyone can send them. */
export class ClientResolver {
  readonly #trusted = new BlockList();

  constructor(trusted: readonly string[]) {
    for (const entry of trusted) {
      const [address = '', bits] = entry.split('/', 2);
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  isProxy(address: string): boolean {
    const plain = plainAddress(address) ?? '';
    return isIP(plain) !== 0 && this.#trusted.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  }

  of({ socket, headers }: IncomingRequest): RemoteClient {
    const peer = socket.remoteAddress ?? '';
    if (!this.isProxy(peer)) return { address: peer, scheme: 'http', isForwarded: false };
    // The client's address is the last entry that is not a trusted proxy's.
    let address = peer;
    for (const entry of listOf(headers['x-forwarded-for']).reverse()) {
      const next = plainAddress(entry);
      if (next === undefined) break;
      address = next;
      if (!this.isProxy(address)) break;
    }
    const scheme = listOf(headers['x-forwarded-proto']).at(-1)?.toLowerCase() === 'https' ? 'https' : 'http';
    return { address, scheme, isForwarded: true };
  }
}

const listOf = (header: string | string[] | undefined) =>
  (header ?? '')
    .toString()
    .split(',')
    .map((entry) => entry.trim());

/** Understands `10.0.0.1`, `10.0.0.1:80`, `[::1]:80`, `::ffff:10.0.0.1` and `fe80::1%eth0`. */
function plainAddress(text: string): string | undefined {
  const [, bracketed, withPort] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  const [bare = ''] = (bracketed ?? withPort ?? text).split('%', 1);
  const plain = bare.replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(plain) === 0 ? undefined : plain;
}
