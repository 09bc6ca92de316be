import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { z } from 'zod';
import { waitAtMost } from '../../core/concurrency/cancel.ts';
import { monotonicNow } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import { LeasedOwnership } from '../../sessions/cluster/leased-ownership.ts';
import { PeerReplicas, type PeerReplicasOptions } from '../../sessions/cluster/peers.ts';
import { createLocalOwnership, type Ownership } from '../../sessions/engine/ownership.ts';
import type { Config } from '../settings/config.ts';

/** A server that uses the store. Dispose it only after its work has ended: other servers then take over. */
export interface Replica extends AsyncDisposable {
  readonly name: string | undefined;
  readonly ownership: Ownership;
  isAlive(name: string): Promise<boolean>;
  mayReap(): Promise<boolean>;
  mayDeleteOld(): Promise<boolean>;
  /** Takes or renews a lease. Each automation starts only once even without it. */
  mayStartAutomations(): Promise<boolean>;
  /** Takes or renews a lease. Without it, two servers could send some messages twice. */
  mayDeliverWebhooks(): Promise<boolean>;
  isWithPeer(id: SessionId): boolean;
  join(others: Pick<PeerReplicasOptions, 'closing' | 'inherit' | 'warn'>): void;
}
interface Options extends Pick<ServerDependencies, 'clock' | 'ids' | 'store'> {
  readonly settings: Config['replicas'];
}
const reaperMs = 30_000;
const retentionLeaseMs = 5 * 60_000;
/** Lease duration. If the holder dies, no automation starts until the lease expires. */
const automationsMs = 15_000;
/** Lease duration. Must exceed one delivery attempt, so that no other server takes over during an attempt. */
const webhooksMs = 30_000;
/** How long a shutdown waits for a slow store. */
const partingMs = 2_000;

export function createReplica({ store, ids, clock, settings }: Options): Replica {
  const ttlMs = settings.leaseSeconds * 1_000;
  const name = ids.short();
  if (!store.shared) {
    const alone = {
      name: undefined,
      isAlive: async () => true,
      ownership: createLocalOwnership(),
      mayReap: async () => true,
      mayDeleteOld: async () => true,
      mayStartAutomations: async () => true,
      mayDeliverWebhooks: async () => true,
      isWithPeer: () => false,
      join: () => {},
    };
    return { ...alone, [Symbol.asyncDispose]: async () => {} };
  }
  const holder = `${name}@${place()}/${process.pid}/${startOf(process.pid) ?? ''}`;
  const common = { holder, isDead: hasLeaseHolderExited, ttlMs, clock, elapsed: monotonicNow };
  const ownership = new LeasedOwnership({ ...common, leases: store.leases });
  let peers: PeerReplicas | undefined;
  return {
    name,
    ownership,
    isAlive: async (other) => other === name || (await store.records.get('replica', other)) !== undefined,
    mayReap: async () => (await store.leases.acquire('reaper', holder, clock.now(), reaperMs)) !== undefined,
    mayDeleteOld: async () =>
      (await store.leases.acquire('retention', holder, clock.now(), retentionLeaseMs)) !== undefined,
    mayStartAutomations: async () =>
      (await store.leases.acquire('automations', holder, clock.now(), automationsMs)) !== undefined,
    mayDeliverWebhooks: async () =>
      (await store.leases.acquire('webhooks', holder, clock.now(), webhooksMs)) !== undefined,
    isWithPeer: (id) => peers?.has(id) === true,
    join(others) {
      peers = new PeerReplicas({ ...common, ...others, name, ownership, records: store.records });
    },
    async [Symbol.asyncDispose]() {
      const released = ['reaper', 'retention', 'automations', 'webhooks'].map((name) =>
        store.leases.release(name, holder).catch(() => {}),
      ); // if a release fails, the lease expires
      await waitAtMost(partingMs, Promise.all([...released, peers?.[Symbol.asyncDispose]()]), clock);
    },
  };
}

/** All servers that share a store label their sandboxes with this name. */
export async function getOrCreateInstanceName(store: Store, ids: IdSource): Promise<string> {
  const requested = { kind: 'server', id: 'instance', doc: { name: `c${ids.short()}` }, expect: 0 };
  await store.records.put(requested).catch((thrown: unknown) => {
    if (toAppError(thrown).code !== 'conflict') throw thrown; // another server stored its name first
  });
  const found = await store.records.get('server', 'instance');
  return z.object({ name: z.string() }).parse(found?.doc).name;
}

/** Always false if the holder is on another machine, in another PID namespace or from an earlier boot. */
export function hasLeaseHolderExited(holder: string): boolean {
  const [, machine, pid, start] = /^[^@]*@([0-9a-f]+)\/(\d+)\/(\d+)$/.exec(holder) ?? [];
  if (machine === undefined || machine !== place()) return false;
  return startOf(Number(pid)) !== start;
}

/** Identifies the current boot and PID namespace. Empty if unknown. */
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
    return fields[0] === 'Z' ? undefined : fields[19]; // a zombie process has ended
  } catch {
    return undefined;
  }
}
