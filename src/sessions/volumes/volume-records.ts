import type { Clock } from '../../core/contracts/clock.ts';
import type { ListOptions, RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { VolumeId } from '../../core/model/ids.ts';
import { volumeKind as kind, Volume, type VolumeHolder } from '../../core/model/sandboxes/volume.ts';
import { Collection, type OwnerRule } from '../../storage/collection.ts';

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'delete' | 'list' | 'count'>;
  readonly clock: Clock;
}
/** A session that is being created has a place among the holders before its record. */
const creationMs = 60_000;

export const noVolume = (named?: string) =>
  new AppError('not_found', named === undefined ? 'There is no such volume.' : `There is no volume ${named}.`);

/** The stored volumes. Changes of one are atomic among all servers of the store. */
export class VolumeRecords {
  readonly #deps: Deps;
  readonly #volumes: Collection<Volume>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#volumes = new Collection(deps.records, { kind, schema: Volume, sortOf: ({ at }) => at, missing: noVolume });
  }

  /** The volumes that are there, and with `all` also those whose removal is not complete. */
  async list(which: 'present' | 'all' = 'present', only: Pick<ListOptions, 'owner'> = {}): Promise<readonly Volume[]> {
    const found = await this.#volumes.list(only);
    return which === 'all' ? found : found.filter(({ removing }) => removing === undefined);
  }

  async get(id: string): Promise<Volume> {
    const volume = await this.#volumes.get(id);
    if (volume.removing !== undefined) throw noVolume();
    return volume;
  }

  /** By its id or its owner's name for it. Undefined as owner: any, or with `exactly` the volumes that have none. */
  async find(idOrName: string, owner: string | undefined, exactly = false): Promise<Volume> {
    const mine = await this.list('present', owner === undefined && !exactly ? {} : { owner: owner ?? null });
    const found = mine.find(({ id }) => id === idOrName) ?? mine.find(({ name }) => name === idOrName);
    if (!found) throw noVolume(idOrName);
    return found;
  }

  async put(volume: Volume): Promise<void> {
    await this.#deps.records.put({ kind, id: volume.id, doc: volume, sort: volume.at });
  }

  /** Calls `make`, which stores the volume, if the rule admits it next to its owner's others. Rejects as the rule does. */
  async within<Made>(admit: OwnerRule<Volume>['admit'], volume: Volume, make: () => Promise<Made>): Promise<Made> {
    return await this.#volumes.admitted({ admit, now: this.#deps.clock.now() }, volume, make);
  }

  async forget(id: VolumeId): Promise<void> {
    await this.#volumes.delete(id);
  }

  /** `change` decides by the newest state, and can throw. Rejects: not_found. */
  async update(id: string, change: (volume: Volume) => Volume | Promise<Volume>): Promise<Volume> {
    return await this.#volumes.change(id, (now) => {
      if (now.removing !== undefined) throw noVolume();
      return change(now);
    });
  }

  /** Whether a holder is there no more: its session was deleted or never made, or its transfer was cut off. */
  async isGone({ sessionId, at, until }: VolumeHolder): Promise<boolean> {
    const now = this.#deps.clock.now();
    if (until !== undefined) return until < now;
    return now - at > creationMs && (await this.#deps.records.get('session', sessionId)) === undefined;
  }

  /** The holders that are still there. */
  async present(holders: readonly VolumeHolder[]): Promise<readonly VolumeHolder[]> {
    const gone = await Promise.all(holders.map((holder) => this.isGone(holder)));
    return gone.includes(true) ? holders.filter((_, at) => !gone[at]) : holders;
  }
}

/** Names the session that writes, so that its owner can delete it. */
export function writerConflict({ name }: Volume, writer: Volume['holders'][number]): AppError {
  if (writer.until !== undefined) {
    return new AppError('conflict', `Content of the volume ${name} is being moved. Try again when the move has ended.`);
  }
  const text = `The session ${writer.sessionId} writes to the volume ${name}, and a volume has one writer.`;
  return new AppError('conflict', `${text} Mount it for reading, or delete that session first.`);
}
