import { createHash } from 'node:crypto';
import { z } from 'zod';
import { neverAbortingSignal, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { BlobInfo, BlobPutOptions, BlobStore } from '../../core/contracts/blobs.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import {
  buildFilesKind,
  fileCopiesKind,
  fileCopyBlobKind as kind,
  preparedFilesKind,
  skillVersionKind,
  workspaceManifestKind,
} from '../../core/model/records.ts';
import { namedSnapshotKind } from '../../core/model/sandboxes/snapshot.ts';
import { createRecordSweep } from '../../storage/collection.ts';

const holders = {
  session: [fileCopiesKind, workspaceManifestKind],
  [namedSnapshotKind]: [namedSnapshotKind],
  [preparedFilesKind]: [preparedFilesKind],
  [buildFilesKind]: [buildFilesKind],
  [skillVersionKind]: [skillVersionKind],
} as const;

export interface BlobReference {
  readonly of: keyof typeof holders;
  readonly holder: string;
  readonly blob: string;
}
export interface StoredCopy {
  readonly blob: string;
  /** Absent from copies that earlier versions stored. */
  readonly sha256?: string | undefined;
}
interface Deps extends Pick<ServerDependencies, 'newId' | 'records'> {
  readonly blobs: Pick<BlobStore, 'put' | 'open' | 'copy' | 'delete'>;
  readonly clock: Pick<Clock, 'now'>;
}

const Announced = z.object({
  at: z.number(),
  of: z.enum(Object.keys(holders) as BlobReference['of'][]).default('session'),
});
const Unfinished = z.object({ making: z.number() });
/** How long a full read of a copy replaces its next verification. */
const freshMs = 60_000;
const idOf = ({ holder, blob }: Omit<BlobReference, 'of'>) => `${holder}:${blob}`;

/** Announces each blob before storing it, so that the clean-up job can find unreferenced blobs. */
export class CopyStore extends ServerComponent<Deps> {
  /** Maps each blob to the time of this server's last complete read, in epoch ms. */
  readonly #readWhole = new Map<string, number>();
  readonly #nextPlaces = createRecordSweep(this.deps.records, kind, ({ id }) => ({ id, sort: 0 }));

  placeOf(id: SessionId): BlobReference {
    return { of: 'session', holder: id, blob: `files-${id}-${this.deps.newId()}` };
  }

  async announce(place: BlobReference): Promise<void> {
    const { records, clock } = this.deps;
    await records.put({ kind, id: idOf(place), doc: { at: clock.now(), of: place.of } });
  }

  /** Stores the content completely or not at all. Rejects as `BlobStore.put` does. */
  add(place: BlobReference, content: AsyncIterable<Uint8Array>, options: BlobPutOptions): Promise<BlobInfo> {
    return this.#make(place, () => this.deps.blobs.put(place.blob, content, options));
  }

  /** Undefined if the source has changed. Rejects: payload_too_large, file_not_found, store_unavailable. */
  async share(from: StoredCopy, place: BlobReference, options: BlobPutOptions): Promise<BlobInfo | undefined> {
    const { blobs, clock } = this.deps;
    const made = await this.#make(place, async () => {
      if (!blobs.copy) return await blobs.put(place.blob, await blobs.open(from.blob), options);
      await blobs.copy(from.blob, place.blob);
      // the store copied the bytes itself; read them once for the hash
      return await computeInfo(await blobs.open(place.blob), options.signal);
    });
    if ((from.sha256 ?? made.sha256) !== made.sha256) {
      await this.drop(place);
      return undefined;
    }
    const now = clock.now();
    for (const [one, at] of this.#readWhole) if (now - at > freshMs) this.#readWhole.delete(one);
    this.#readWhole.set(place.blob, now);
    return made;
  }

  open(blob: string): Promise<AsyncIterable<Uint8Array>> {
    return this.deps.blobs.open(blob);
  }

  /** A copy without a stored hash only has to be readable. */
  async isWhole({ blob, sha256 }: StoredCopy, signal = neverAbortingSignal): Promise<boolean> {
    const readAt = this.#readWhole.get(blob);
    this.#readWhole.delete(blob);
    if (readAt !== undefined && this.deps.clock.now() - readAt <= freshMs) return true;
    try {
      const info = await computeInfo(await this.open(blob), signal);
      return sha256 === undefined || info.sha256 === sha256;
    } catch (thrown) {
      throwIfAborted(signal);
      if (toAppError(thrown).code === 'store_unavailable') throw thrown;
      return false;
    }
  }

  async drop(place: Omit<BlobReference, 'of'>): Promise<void> {
    await this.deps.blobs.delete(place.blob);
    await this.deps.records.delete(kind, idOf(place));
  }

  /** Announces the blob first, because earlier versions stored blobs unannounced. `giveUp` removes the reference. */
  async release(place: BlobReference, giveUp: () => Promise<unknown>): Promise<void> {
    await this.announce(place);
    await giveUp();
    await this.drop(place);
  }

  async forget(holder: SessionId): Promise<void> {
    const { records } = this.deps;
    for (const { id } of await records.list(kind, { idPrefix: `${holder}:` })) await this.drop(placeIn(id));
    for (const one of holders.session) await records.delete(one, holder);
  }

  /** Processes one batch. `before`: epoch ms. Resolves with the number of entries removed. */
  async collect(before: number): Promise<number> {
    const { records } = this.deps;
    let removed = 0;
    for (const { id, doc } of await this.#nextPlaces()) {
      const { at, of } = Announced.parse(doc);
      if (at >= before) continue;
      const place = placeIn(id);
      const isGone = of === 'session' && (await records.get('session', place.holder)) === undefined;
      if (isGone) await this.forget(place.holder as SessionId);
      else if (await this.#isNeeded({ ...place, of })) continue;
      else await this.drop(place);
      removed++;
    }
    // Earlier versions announced a named snapshot with a snapshot record in the state `making`.
    for (const { id, doc } of await records.list(namedSnapshotKind, { state: 'making' })) {
      if (Unfinished.parse(doc).making >= before) continue;
      await this.drop({ holder: id, blob: id });
      await records.delete(namedSnapshotKind, id);
      removed++;
    }
    return removed;
  }

  async #make(place: BlobReference, make: () => Promise<BlobInfo>): Promise<BlobInfo> {
    await this.announce(place);
    try {
      return await make();
    } catch (thrown) {
      await this.drop(place).catch(() => {}); // on failure, the clean-up job removes the blob later
      throw thrown;
    }
  }

  async #isNeeded({ of, holder, blob }: BlobReference): Promise<boolean> {
    const found = await Promise.all(holders[of].map((one) => this.deps.records.get(one, holder)));
    return JSON.stringify(found).includes(JSON.stringify(blob));
  }
}

function placeIn(id: string): Omit<BlobReference, 'of'> {
  const at = id.lastIndexOf(':');
  return { holder: id.slice(0, at), blob: id.slice(at + 1) };
}

async function computeInfo(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<BlobInfo> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of content) {
    throwIfAborted(signal);
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: hash.digest('hex') };
}

const FileCopy = z.object({
  seq: z.int(),
  blob: z.string().nullable(),
  /** Size of the copy, or of the files if there is no copy. */
  bytes: z.int(),
  print: z.string(),
  /** Epoch ms. `at` and `sha256` are absent from copies that earlier versions stored. */
  at: z.number().optional(),
  sha256: z.string().optional(),
  why: z.enum(['empty', 'too_large', 'failed']).optional(),
});
export type SessionFileCopy = z.infer<typeof FileCopy>;

/** No file changed between the last item and the seq `upto`. */
const FileCopies = z.object({
  upto: z.int(),
  /** Copies before this seq were deleted. */
  from: z.int(),
  items: z.array(FileCopy),
});
export type SessionFileCopies = z.infer<typeof FileCopies>;

interface SharedCopyDeps {
  readonly records: RecordStore;
  readonly copies: Pick<CopyStore, 'placeOf' | 'share'>;
  readonly clock: Pick<Clock, 'now'>;
}

export async function readSessionFileCopies(
  { records }: Pick<SharedCopyDeps, 'records'>,
  id: SessionId,
): Promise<SessionFileCopies> {
  const found = await records.get(fileCopiesKind, id);
  return found ? FileCopies.parse(found.doc) : { upto: 0, from: 0, items: [] };
}

export async function writeSessionFileCopies(
  { records }: Pick<SharedCopyDeps, 'records'>,
  id: SessionId,
  doc: SessionFileCopies,
): Promise<void> {
  await records.put({ kind: fileCopiesKind, id, doc });
}

/** Records the copy as session files at `seq`. Undefined if the source changed. Rejects as `CopyStore.share` does. */
export async function shareCopyForSession(
  deps: SharedCopyDeps,
  id: SessionId,
  { seq, ...from }: StoredCopy & Pick<SessionFileCopy, 'seq'>,
  options: BlobPutOptions,
): Promise<StoredCopy | undefined> {
  const { copies, clock } = deps;
  const place = copies.placeOf(id);
  const copy = await copies.share(from, place, options);
  if (!copy) return undefined;
  const [{ blob }, { size: bytes, sha256 }] = [place, copy];
  await writeSessionFileCopies(deps, id, {
    upto: seq,
    from: seq,
    items: [{ seq, blob, bytes, print: '', at: clock.now(), sha256 }],
  });
  return { blob, sha256 };
}
