import { z } from 'zod';
import type { BlobStore, PutOptions } from '../../core/contracts/blobs.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { manifestKind, snapshotBlobKind, snapshotsKind } from '../../core/model/records.ts';
import { sweep } from '../../storage/collection.ts';
import { copyBlob } from './whole-copy.ts';

/** The files of a session at one place of its log. Without a blob, `why` says that there is no copy. */
const KeptItem = z.object({
  seq: z.int(),
  blob: z.string().nullable(),
  /** The size of the copy, else of the files. */
  bytes: z.int(),
  print: z.string(),
  /** When the copy was made, epoch ms, and its hash; absent from a copy that an earlier version made. */
  at: z.number().optional(),
  sha256: z.string().optional(),
  why: z.enum(['empty', 'too_large', 'failed']).optional(),
});
export type KeptItem = z.infer<typeof KeptItem>;

/** The copies of a session's files. `upto` is the newest place that was looked at: no file changed after the last item. */
const KeptFiles = z.object({
  upto: z.int(),
  /** Copies of the places before this one are gone. */
  from: z.int(),
  items: z.array(KeptItem),
});
export type KeptFiles = z.infer<typeof KeptFiles>;
export interface KeptBlob {
  readonly blob: string;
  /** Absent from a copy that an earlier version made. */
  readonly sha256?: string | undefined;
}
/** A sandbox starts that soon after its session was made, else its files are looked at once more. */
const freshMs = 60_000;

interface Deps {
  readonly records: RecordStore;
  readonly blobs: Pick<BlobStore, 'put' | 'open' | 'copy' | 'delete'>;
  readonly now: () => number;
  readonly newId: () => string;
}

/** The records behind the snapshots. A blob has a record before it exists, so that a clean-up finds every blob. */
export class KeptFileRecords {
  readonly #deps: Deps;
  /** When this server found the copy whole with which a session begins, epoch ms. */
  readonly #foundWhole = new Map<string, number>();
  readonly #nextBlobs: ReturnType<typeof sweep>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#nextBlobs = sweep(deps.records, snapshotBlobKind, ({ id }) => ({ id, sort: 0 }));
  }

  async read(id: SessionId): Promise<KeptFiles> {
    const found = await this.#deps.records.get(snapshotsKind, id);
    return found ? KeptFiles.parse(found.doc) : { upto: 0, from: 0, items: [] };
  }

  async write(id: SessionId, doc: KeptFiles): Promise<void> {
    await this.#deps.records.put({ kind: snapshotsKind, id, doc });
  }

  /** Names a new blob. */
  async announce(id: SessionId): Promise<string> {
    const blob = `files-${id}-${this.#deps.newId()}`;
    await this.#deps.records.put({ kind: snapshotBlobKind, id: `${id}:${blob}`, doc: { at: this.#deps.now() } });
    return blob;
  }

  /**
   * Copies a blob for a session that begins with it. Undefined: the blob differs from what was stored; the partial copy
   * is removed. Rejects: payload_too_large, file_not_found, store_unavailable.
   */
  async begin(
    id: SessionId,
    { blob, sha256: hash, seq }: KeptBlob & Pick<KeptItem, 'seq'>,
    options: PutOptions,
  ): Promise<KeptBlob | undefined> {
    const copy = await this.announce(id);
    const { size, sha256 } = await copyBlob(this.#deps.blobs, { from: blob, to: copy }, options);
    if ((hash ?? sha256) !== sha256) {
      await this.drop(id, copy);
      return undefined;
    }
    const at = this.#deps.now();
    await this.write(id, { upto: seq, from: seq, items: [{ seq, blob: copy, bytes: size, print: '', at, sha256 }] });
    for (const [one, foundAt] of this.#foundWhole) if (at - foundAt > freshMs) this.#foundWhole.delete(one);
    this.#foundWhole.set(copy, at);
    return { blob: copy, sha256 };
  }

  /** Whether this server has just read and verified the whole copy. */
  isFresh(blob: string): boolean {
    const foundAt = this.#foundWhole.get(blob);
    this.#foundWhole.delete(blob);
    return foundAt !== undefined && this.#deps.now() - foundAt <= freshMs;
  }

  async drop(id: SessionId, blob: string): Promise<void> {
    await this.#deps.blobs.delete(blob);
    await this.#deps.records.delete(snapshotBlobKind, `${id}:${blob}`);
  }

  /** Removes every blob of a session, referred to or not. */
  async forget(id: SessionId): Promise<void> {
    const blobs = await this.#deps.records.list(snapshotBlobKind, { idPrefix: `${id}:` });
    for (const { id: name } of blobs) await this.drop(id, name.slice(id.length + 1));
    await this.#deps.records.delete(manifestKind, id);
    await this.#deps.records.delete(snapshotsKind, id);
  }

  /** Removes blobs from before this time that no session refers to, some in each round; resolves with their number. */
  async collect(before: number): Promise<number> {
    const { records } = this.#deps;
    let removed = 0;
    for (const { id: name, doc } of await this.#nextBlobs()) {
      if (z.object({ at: z.number() }).parse(doc).at >= before) continue;
      const [id, blob] = [name.slice(0, 16) as SessionId, name.slice(17)];
      const isDeleted = (await records.get('session', id)) === undefined;
      if (isDeleted) await this.forget(id);
      else if ((await this.read(id)).items.some((item) => item.blob === blob)) continue;
      else if ((await this.#listOf(id)) === blob) continue;
      else await this.drop(id, blob);
      removed++;
    }
    return removed;
  }

  /** The blob of the session's manifest. */
  async #listOf(id: SessionId): Promise<string | undefined> {
    const found = await this.#deps.records.get(manifestKind, id);
    return found && z.object({ list: z.string() }).parse(found.doc).list;
  }
}
