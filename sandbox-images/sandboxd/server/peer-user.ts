import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** Other services share the loopback interface but run as other users. */
export async function isFromOwnUser({
  remotePort,
  localPort,
}: Pick<Socket, 'remotePort' | 'localPort'>): Promise<boolean> {
  if (remotePort === undefined || localPort === undefined) return false;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'latin1').catch(() => ''); // the table is missing if the kernel has no IPv6
    const user = findSocketUser(text, remotePort, localPort);
    if (user !== undefined) return user === process.getuid?.();
  }
  return false;
}

const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
const loopback = new Set(['0100007F', '0000000000000000FFFF00000100007F']);

/** Returns the uid of the loopback socket that connects port `from` to port `to`. */
export function findSocketUser(table: string, from: number, to: number): number | undefined {
  for (const line of table.split('\n')) {
    const [, local = '', remote = '', , , , , user] = line.trim().split(/\s+/);
    const [here = '', herePort] = local.split(':');
    const [there = '', therePort] = remote.split(':');
    if (herePort !== hex(from) || therePort !== hex(to)) continue;
    if (loopback.has(here) && loopback.has(there)) return Number(user);
  }
  return undefined;
}
