import { type Driver, hostsVolumes, type VolumeHost } from '../../../drivers/driver.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { toHolderKey } from '../../core/model/access/holder.ts';
import { type IdSource, VolumeId } from '../../core/model/ids.ts';
import type { Volume } from '../../core/model/sandboxes/volume.ts';
import type { OwnerLimit } from '../../storage/collection.ts';
import type { NewVolume, VolumeChange, VolumeService } from '../api/server/volumes.ts';
import type { ConcurrencyLimiter } from '../budgets/holdings.ts';
import type { WorkspaceArchiver } from '../forks/workspace-archive.ts';
import { createVolumeContentService } from './volume-content.ts';
import type { VolumeRecords } from './volume-records.ts';
import { type TransferSandboxPool, volumeTransferTemplateName } from './volume-transfers.ts';

export interface VolumePolicy {
  /** Default quota. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Maximum total quota of an owner's volumes. */
  readonly ownerBytes: number;
  readonly ownerCount: number;
}
interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly policy: VolumePolicy;
  readonly holdings: Pick<ConcurrencyLimiter, 'within'>;
  readonly driver: Driver;
  readonly records: VolumeRecords;
  readonly transfers: TransferSandboxPool;
  readonly archive: WorkspaceArchiver;
  readonly ids: Pick<IdSource, 'sessionId' | 'short'>;
}
const callMs = 60_000;

/** A volume exists with both its storage and its record, or not at all. */
export class Volumes extends ServerComponent<Deps> {
  readonly service: VolumeService = {
    ...createVolumeContentService(this.deps),
    create: (newVolume) => this.#create(newVolume),
    list: async (owner, projects) =>
      [...(await this.deps.records.list(owner, projects))].sort((a, b) => (a.name < b.name ? -1 : 1)),
    get: (id) => this.deps.records.get(id),
    admits: async (id) => void (await this.deps.records.get(id)),
    find: (idOrName, owner, projects) => this.deps.records.find(idOrName, owner, projects),
    change: (id, change) => this.#change(id, change),
    remove: (id, signal) => this.#remove(id, signal),
  };
  /** The time when storage without a record was first seen, by volume id. */
  readonly #orphans = new Map<VolumeId, number>();

  /**
   * Removes volumes whose creation or deletion was interrupted, and storage without a record, if older than `before`.
   * Resolves with the number removed.
   */
  async collect(before: number, signal: AbortSignal): Promise<number> {
    const { driver, records } = this.deps;
    if (!hostsVolumes(driver)) return 0;
    let removed = 0;
    const all = await records.all();
    for (const volume of all) {
      if (volume.removing !== undefined && volume.removing < before) {
        removed += (await this.#complete(driver, volume, signal).then(() => 1, ignoreConflict)) ?? 0;
      } else if (volume.removing === undefined) await this.#sweepHolders(volume);
    }
    const known = new Set<string>(all.map(({ id }) => id));
    const orphans = (await driver.volumes(this.#call(signal))).filter((id) => !known.has(id));
    for (const id of this.#orphans.keys()) if (!orphans.includes(id)) this.#orphans.delete(id);
    for (const id of orphans) {
      const since = this.#orphans.get(id);
      if (since === undefined) this.#orphans.set(id, this.deps.clock.now());
      else if (since < before) {
        await driver.removeVolume(id, this.#call(signal));
        removed += 1;
      }
    }
    return removed;
  }

  /** Call before the first transfer, and only if no other server shares the store. */
  async freeTransfers(signal: AbortSignal): Promise<void> {
    const { records, driver } = this.deps;
    const all = await records.list();
    if (all.length === 0 || !hostsVolumes(driver)) return;
    const sandboxes = await driver.list(this.#call(signal));
    for (const { id, template } of sandboxes) {
      if (template === volumeTransferTemplateName) await driver.destroy(id, 'remove', this.#call(signal));
    }
    for (const { id, holders } of all) {
      if (holders.every(({ until }) => until === undefined)) continue;
      await records.update(id, (now) => ({ ...now, holders: now.holders.filter(({ until }) => until === undefined) }));
    }
  }

  async #create({ name, quotaBytes, owner, projectId, signal }: NewVolume): Promise<Volume> {
    const { driver, records, policy, clock, ids } = this.deps;
    if (!hostsVolumes(driver)) {
      throw new AppError(
        'unsupported',
        `The driver ${driver.name} does not support volumes here: ${driver.capabilities.noVolumes}.`,
      );
    }
    const bytes = quotaBytes ?? Math.min(policy.bytes, policy.maxBytes);
    const at = clock.now();
    const id = VolumeId.parse(`vol-${ids.sessionId()}`);
    const volume: Volume = {
      id,
      name,
      ...(owner !== undefined && { owner }),
      ...(projectId && { projectId }),
      quotaBytes: bytes,
      usedBytes: 0,
      isChanged: false,
      at,
      holders: [],
    };
    return await this.#within(volume, bytes, async () => {
      // Written first, so that an interrupted creation leaves no storage without a record.
      await records.put({ ...volume, removing: at });
      try {
        await driver.makeVolume(id, this.#call(signal));
        await records.put(volume);
        return volume;
      } catch (thrown) {
        await this.#complete(driver, volume, AbortSignal.timeout(callMs)).catch(() => {}); // the clean-up job will retry this
        throw thrown;
      }
    });
  }

  async #change(id: string, change: VolumeChange): Promise<Volume> {
    const { records } = this.deps;
    const changed = (before: Volume): Volume => ({
      ...before,
      name: change.name ?? before.name,
      quotaBytes: change.quotaBytes ?? before.quotaBytes,
    });
    const now = await records.get(id);
    const requested = changed(now);
    return await this.#within(requested, requested.quotaBytes - now.quotaBytes, () => records.update(id, changed));
  }

  async #within(volume: Volume, bytes: number, make: () => Promise<Volume>): Promise<Volume> {
    const { records, holdings } = this.deps;
    const store = () => records.within(this.#ruleFor(volume), volume, make);
    if (bytes <= 0) return await store();
    return await holdings.within(
      { owner: volume.owner, projectId: volume.projectId ?? null },
      { diskBytes: bytes },
      store,
    );
  }

  #ruleFor(volume: Volume): OwnerLimit<Volume>['admit'] {
    const { maxBytes, ownerBytes, ownerCount } = this.deps.policy;
    return (others) => {
      const present = others.filter(({ removing }) => removing === undefined);
      const own = present.filter(({ owner }) => owner === volume.owner);
      if (present.some((one) => one.name === volume.name && toHolderKey(one) === toHolderKey(volume))) {
        const text = `There is already a volume named ${volume.name}. Choose another name, or delete it first.`;
        throw new AppError('conflict', text);
      }
      if (volume.quotaBytes > maxBytes) {
        const text = `A volume can have at most ${maxBytes} bytes here, and ${volume.quotaBytes} were requested`;
        throw new AppError('invalid_request', `${text} (CORRAL_VOLUMES_MAX_BYTES).`);
      }
      const sum = own.reduce((all, { quotaBytes }) => all + quotaBytes, volume.quotaBytes);
      if (own.length < ownerCount && sum <= ownerBytes) return;
      const text = `You have ${own.length} volumes; at most ${ownerCount} with ${ownerBytes} bytes in total are allowed`;
      throw new AppError('quota', `${text}. Delete some, or lower their quotas.`);
    };
  }

  async #remove(id: string, signal: AbortSignal): Promise<void> {
    const { records, transfers, driver, clock } = this.deps;
    await transfers.endIdle((await records.get(id)).id);
    const volume = await records.update(id, async (now) => {
      const [holder] = await records.present(now.holders);
      if (holder) {
        const who = holder.until === undefined ? `The session ${holder.sessionId} uses` : 'A transfer of content uses';
        throw new AppError('conflict', `${who} the volume ${now.name}. Delete the session, or wait, and try again.`);
      }
      return { ...now, holders: [], removing: clock.now() };
    });
    // The clean-up job completes a failed deletion.
    if (hostsVolumes(driver)) await this.#complete(driver, volume, signal).catch(ignoreConflict);
  }

  async #complete(driver: VolumeHost, { id }: Volume, signal: AbortSignal): Promise<void> {
    await driver.removeVolume(id, this.#call(signal));
    await this.deps.records.forget(id);
  }

  async #sweepHolders({ id, holders }: Volume): Promise<void> {
    const { records } = this.deps;
    if ((await records.present(holders)).length === holders.length) return;
    await records.update(id, async (now) => ({ ...now, holders: await records.present(now.holders) }));
  }

  #call(signal: AbortSignal) {
    return { signal: combineSignals([signal, AbortSignal.timeout(callMs)]) };
  }
}
