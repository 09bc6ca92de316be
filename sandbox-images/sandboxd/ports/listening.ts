import type { ListeningPort } from '../../../src/sandboxes/client/abilities.ts';
import { daemonLimits } from '../daemon.ts';
import { tryListFolder, tryReadLink, tryReadText } from '../files/read-if-any.ts';
import { readCommandLine, scanProcesses } from '../processes/proc.ts';

const listening = '0A';
const tables = ['/proc/net/tcp', '/proc/net/tcp6'] as const;
/** Listening addresses that loopback can reach, in the notation of /proc/net/tcp. */
const reachable = new Set([
  ...['00000000', '0100007F', '00000000000000000000000000000000', '00000000000000000000000001000000'],
  ...['0000000000000000FFFF000000000000', '0000000000000000FFFF00000100007F'],
]);
const most = 200;

export function findListeningPorts(own: readonly number[]): ListeningPort[] {
  const inodes = new Map<number, string>();
  for (const table of tables) {
    const rows = parseListeningRows(tryReadText(table) ?? ''); // a kernel without IPv6 has no second table
    for (const { port, inode } of rows) if (!own.includes(port)) inodes.set(port, inode);
  }
  if (inodes.size === 0) return [];
  const holders = findHolders(new Set(inodes.values()));
  const ports = [...inodes].sort(([a], [b]) => a - b).slice(0, most);
  return ports.map(([port, inode]) => {
    const pid = holders.get(inode);
    return pid === undefined
      ? { port }
      : { port, pid, command: readCommandLine(pid).slice(0, daemonLimits.commandChars) };
  });
}

export function parseListeningRows(table: string): { readonly port: number; readonly inode: string }[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [address = '', port = ''] = (fields[1] ?? '').split(':');
    if (fields[3] !== listening || !reachable.has(address)) return [];
    return [{ port: Number.parseInt(port, 16), inode: fields[9] ?? '' }];
  });
}

/** Maps each socket to the oldest process that holds it, because a server's workers inherit the socket. */
function findHolders(inodes: ReadonlySet<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const { pid } of scanProcesses().sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)) {
    for (const link of listSockets(pid)) if (inodes.has(link) && !found.has(link)) found.set(link, pid);
    if (found.size === inodes.size) break;
  }
  return found;
}

const listSockets = (pid: number): string[] =>
  tryListFolder(`/proc/${pid}/fd`).flatMap(
    (fd) => /^socket:\[(\d+)\]$/.exec(tryReadLink(`/proc/${pid}/fd/${fd}`) ?? '')?.[1] ?? [],
  );
