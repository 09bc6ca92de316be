import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { z } from 'zod';
import { type Clock, elapsed } from '../core/clock.ts';
import { toAppError } from '../core/errors.ts';
import type { IdSource } from '../core/ids.ts';
import type { Store } from '../core/ports.ts';
import { LeasedOwnership } from '../session/cluster/leased-ownership.ts';
import { type PeerOptions, Peers } from '../session/cluster/peers.ts';
import { type Ownership, soleOwnership } from '../session/engine/ownership.ts';

/** This process among the servers of one store. Dispose it when its work is over, so that its peers go on. */
export interface Replica extends AsyncDisposable {
  /** Of this process's life, as sockets and leases know it; undefined where the store is ours alone. */
  readonly name: string | undefined;
  readonly ownership: Ownership;
  /** Whether that server still runs, as far as anybody knows. */
  isAlive(name: string): Promise<boolean>;
  /** Whether it falls to us to destroy what nobody claims. */
  mayReap(): Promise<boolean>;
  /** The same of deleting what the settings keep no longer. */
  mayKeep(): Promise<boolean>;
  /** From here on the others are known, and know of us. */
  meet(others: Pick<PeerOptions, 'closing' | 'inherit' | 'warn'>): void;
}
interface Options {
  readonly store: Store;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly leaseMs: number;
}
const reaperMs = 30_000;
const keeperMs = 5 * 60_000;

export function replicaOf({ store, ids, clock, leaseMs: ttlMs }: Options): Replica {
  const name = ids.short();
  if (!store.shared) {
    const alone = {
      name: undefined,
      isAlive: async () => true,
      ownership: soleOwnership(),
      mayReap: async () => true,
      mayKeep: async () => true,
      meet: () => {},
    };
    return { ...alone, [Symbol.asyncDispose]: async () => {} };
  }
  const holder = `${name}@${place()}/${process.pid}/${startOf(process.pid) ?? ''}`;
  const common = { holder, isDead, ttlMs, clock, elapsed };
  const ownership = new LeasedOwnership({ ...common, leases: store.leases });
  let peers: Peers | undefined;
  return {
    name,
    ownership,
    isAlive: async (other) => other === name || (await store.records.get('replica', other)) !== undefined,
    mayReap: async () => (await store.leases.acquire('reaper', holder, clock.now(), reaperMs)) !== undefined,
    mayKeep: async () => (await store.leases.acquire('keeper', holder, clock.now(), keeperMs)) !== undefined,
    meet(others) {
      peers = new Peers({ ...common, ...others, name, ownership, records: store.records });
    },
    async [Symbol.asyncDispose]() {
      for (const name of ['reaper', 'keeper']) await store.leases.release(name, holder).catch(() => {}); // it lapses
      await peers?.[Symbol.asyncDispose]();
    },
  };
}

/** The name under which all servers of a shared store label what they start. */
export async function sharedInstance(store: Store, ids: IdSource): Promise<string> {
  const wish = { kind: 'server', id: 'instance', doc: { name: `c${ids.short()}` }, expect: 0 };
  await store.records.put(wish).catch((thrown: unknown) => {
    if (toAppError(thrown).code !== 'conflict') throw thrown; // another server was first
  });
  const found = await store.records.get('server', 'instance');
  return z.object({ name: z.string() }).parse(found?.doc).name;
}

/**
 * Whether the process that this holder was is gone, which only its own machine can tell: then nobody need wait for its
 * leases to lapse. A number that was given to another process since is told by when that one began.
 */
export function isDead(holder: string): boolean {
  const [, machine, pid, start] = /^[^@]*@([0-9a-f]+)\/(\d+)\/(\d+)$/.exec(holder) ?? [];
  if (machine === undefined || machine !== place()) return false;
  return startOf(Number(pid)) !== start;
}

/** One kernel since its boot, and one space of process numbers in it; empty where that cannot be known. */
function place(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return createHash('sha256').update(boot).update(readlinkSync('/proc/self/ns/pid')).digest('hex').slice(0, 16);
  } catch {
    return '';
  }
}

function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19]; // a zombie does nothing any more
  } catch {
    return undefined;
  }
}
