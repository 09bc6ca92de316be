import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BlobStore, PutOptions } from '../../core/contracts/blobs.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { buildFilesKind as kind } from '../../core/model/records.ts';

interface Deps {
  readonly records: RecordStore;
  readonly blobs: Pick<BlobStore, 'put' | 'open' | 'delete'>;
  readonly clock: Clock;
}
const Stored = z.object({ owner: z.string(), at: z.number(), bytes: z.int() });
/** A build that comes later uploads them again. */
const keptMs = 24 * 60 * 60 * 1_000;

/** The files that COPY steps take, by owner and by the hash that the client made of them. No owner's hash finds another's. */
export class BuildFiles {
  readonly #deps: Deps;
  readonly #ownerBytes: number;

  constructor(deps: Deps, ownerBytes: number) {
    this.#deps = deps;
    this.#ownerBytes = ownerBytes;
  }

  async has(owner: string | undefined, hash: string): Promise<boolean> {
    return (await this.#deps.records.get(kind, keyOf(owner, hash))) !== undefined;
  }

  /** Rejects: payload_too_large, quota. */
  async put(owner = '', hash: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<void> {
    const { records, blobs, clock } = this.#deps;
    const all = (await records.list(kind)).map(({ doc }) => Stored.parse(doc));
    const sum = all.filter((one) => one.owner === owner).reduce((total, { bytes }) => total + bytes, 0);
    if (sum >= this.#ownerBytes) {
      const text = `Your uploads for builds have ${sum} bytes; ${this.#ownerBytes} are allowed.`;
      throw new AppError('quota', `${text} They go after a day.`);
    }
    const id = keyOf(owner, hash);
    const maxBytes = Math.min(options.maxBytes, this.#ownerBytes - sum);
    const { size } = await blobs.put(id, content, { ...options, maxBytes });
    await records.put({ kind, id, doc: { owner, at: clock.now(), bytes: size } });
  }

  async open(owner: string | undefined, hash: string): Promise<AsyncIterable<Uint8Array>> {
    return await this.#deps.blobs.open(keyOf(owner, hash));
  }

  async collect(now: number): Promise<number> {
    const { records, blobs } = this.#deps;
    let removed = 0;
    for (const { id, doc } of await records.list(kind)) {
      if (Stored.parse(doc).at + keptMs > now) continue;
      await blobs.delete(id);
      await records.delete(kind, id);
      removed++;
    }
    return removed;
  }
}

const keyOf = (owner = '', hash: string) =>
  `bf-${createHash('sha256')
    .update(JSON.stringify([owner, hash]))
    .digest('hex')
    .slice(0, 48)}`;
