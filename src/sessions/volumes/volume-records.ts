import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type ResourceOwnership, selectPreferredResource } from '../../core/model/access/holder.ts';
import type { VolumeId } from '../../core/model/ids.ts';
import { volumeKind as kind, Volume, type VolumeAttachment } from '../../core/model/sandboxes/volume.ts';
import { Collection, type OwnerLimit } from '../../storage/collection.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'delete' | 'list' | 'count'>;
}
/** Maximum time between mounting a volume and storing the session's record, in ms. */
const creationMs = 60_000;

export const volumeNotFoundError = (named?: string) =>
  new AppError('not_found', named === undefined ? 'There is no such volume.' : `There is no volume ${named}.`);

const isPresent = ({ removing }: Volume): boolean => removing === undefined;
function fail(named: string): never {
  throw volumeNotFoundError(named);
}

/** Changes are atomic across all servers that share the store. */
export class VolumeRecords extends ServerComponent<Deps> {
  readonly #volumes = new Collection<Volume>(this.deps.records, {
    kind,
    schema: Volume,
    sortOf: ({ at }) => at,
    missing: volumeNotFoundError,
  });

  /** Includes volumes that are being removed. */
  all(): Promise<readonly Volume[]> {
    return this.#volumes.list();
  }

  async list(owner?: string, parents: readonly string[] = []): Promise<readonly Volume[]> {
    return (await this.#volumes.listFor(owner, { parents })).filter(isPresent);
  }

  async get(id: string): Promise<Volume> {
    const volume = await this.#volumes.get(id);
    if (volume.removing !== undefined) throw volumeNotFoundError();
    return volume;
  }

  /** Rejects: not_found, conflict (several projects have a volume with this name). */
  async find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<Volume> {
    const all = await this.list(owner, projects);
    const named = all.filter(({ name }) => name === idOrName);
    return (
      all.find(({ id }) => id === idOrName) ??
      (owner === undefined ? named[0] : selectPreferredResource(named)) ??
      fail(idOrName)
    );
  }

  /** Searches the session's project first. Rejects: not_found. */
  async findFor(session: ResourceOwnership, idOrName: string): Promise<Volume> {
    const all = (await this.#volumes.listUsable(session)).filter(isPresent);
    return all.find(({ id }) => id === idOrName) ?? all.find(({ name }) => name === idOrName) ?? fail(idOrName);
  }

  async put(volume: Volume): Promise<void> {
    await this.deps.records.put({ kind, id: volume.id, doc: volume, sort: volume.at });
  }

  async within<Made>(admit: OwnerLimit<Volume>['admit'], volume: Volume, make: () => Promise<Made>): Promise<Made> {
    return await this.#volumes.admitted({ admit, now: this.deps.clock.now() }, volume, make);
  }

  async forget(id: VolumeId): Promise<void> {
    await this.#volumes.delete(id);
  }

  /** `change` gets the newest state. Rejects: not_found, store_busy, and the codes of `change`. */
  async update(id: string, change: (volume: Volume) => Volume | Promise<Volume>): Promise<Volume> {
    return await this.#volumes.change(id, (now) => {
      if (now.removing !== undefined) throw volumeNotFoundError();
      return change(now);
    });
  }

  /** Whether the holder's session was deleted or never created, or its transfer was interrupted. */
  async isGone({ sessionId, at, until }: VolumeAttachment): Promise<boolean> {
    const now = this.deps.clock.now();
    if (until !== undefined) return until < now;
    return now - at > creationMs && (await this.deps.records.get('session', sessionId)) === undefined;
  }

  async present(holders: readonly VolumeAttachment[]): Promise<readonly VolumeAttachment[]> {
    const gone = await Promise.all(holders.map((holder) => this.isGone(holder)));
    return gone.includes(true) ? holders.filter((_, at) => !gone[at]) : holders;
  }
}

export function writerConflictError({ name }: Volume, writer: Volume['holders'][number]): AppError {
  if (writer.until !== undefined) {
    return new AppError('conflict', `Content of the volume ${name} is being moved. Try again when the move has ended.`);
  }
  const text = `The session ${writer.sessionId} writes to the volume ${name}, and a volume has one writer.`;
  return new AppError('conflict', `${text} Mount it for reading, or delete that session first.`);
}
