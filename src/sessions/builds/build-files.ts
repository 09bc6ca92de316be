import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BlobPutOptions, BlobStore } from '../../core/contracts/blobs.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type ResourceOwnership, toHolderKey } from '../../core/model/access/holder.ts';
import { buildFilesKind as kind } from '../../core/model/records.ts';
import type { BlobReference, CopyStore } from '../forks/copies.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly policy: { readonly ownerFileBytes: number };
  readonly blobs: Pick<BlobStore, 'put' | 'open'>;
  readonly copies: Pick<CopyStore, 'announce' | 'release'>;
}
const Stored = z.object({ owner: z.string(), at: z.number(), bytes: z.int() });
/** Files older than this must be uploaded again. */
const keptMs = 24 * 60 * 60 * 1_000;

/** Per holder, regardless of size. */
const maxFiles = 1_000;

/** Clients compute the hashes and could forge them, so each holder's files are stored separately. */
export class BuildFileStore extends ServerComponent<Deps> {
  readonly #arriving = new Map<string, number>();

  async has(holder: ResourceOwnership, hash: string): Promise<boolean> {
    return (await this.deps.records.get(kind, keyOf(toHolderKey(holder), hash))) !== undefined;
  }

  /** Rejects: payload_too_large, quota. */
  async put(
    holder: ResourceOwnership,
    hash: string,
    content: AsyncIterable<Uint8Array>,
    options: BlobPutOptions,
  ): Promise<void> {
    const owner = toHolderKey(holder);
    const { records, blobs, copies, clock } = this.deps;
    const own = (await records.list(kind, { owner })).map(({ doc }) => Stored.parse(doc));
    const sum = own.reduce((total, { bytes }) => total + bytes, 0);
    const advice = 'They are deleted after a day.';
    if (own.length >= maxFiles) throw new AppError('quota', `You have ${own.length} uploads for builds. ${advice}`);
    const check = () => {
      if (sum + (this.#arriving.get(owner) ?? 0) < this.deps.policy.ownerFileBytes) return;
      throw new AppError(
        'quota',
        `Your uploads for builds are larger than ${this.deps.policy.ownerFileBytes} bytes in total. ${advice}`,
      );
    };
    check();
    const id = keyOf(owner, hash);
    const maxBytes = Math.min(options.maxBytes, this.deps.policy.ownerFileBytes - sum);
    const arriving = { bytes: 0 };
    try {
      await copies.announce(placeOf(id));
      const { size } = await blobs.put(id, this.#counted(content, { owner, arriving, check }), {
        ...options,
        maxBytes,
      });
      const at = clock.now();
      await records.put({ kind, id, doc: { owner, at, bytes: size }, sort: at });
    } finally {
      const rest = (this.#arriving.get(owner) ?? 0) - arriving.bytes;
      if (rest > 0) this.#arriving.set(owner, rest);
      else this.#arriving.delete(owner);
    }
  }

  /** Counts concurrent uploads together, so that they cannot each use the whole remaining quota. */
  async *#counted(
    content: AsyncIterable<Uint8Array>,
    {
      owner,
      arriving,
      check,
    }: { readonly owner: string; readonly arriving: { bytes: number }; readonly check: () => void },
  ): AsyncGenerator<Uint8Array> {
    for await (const piece of content) {
      check();
      arriving.bytes += piece.length;
      this.#arriving.set(owner, (this.#arriving.get(owner) ?? 0) + piece.length);
      yield piece;
    }
  }

  async open(holder: ResourceOwnership, hash: string): Promise<AsyncIterable<Uint8Array>> {
    return await this.deps.blobs.open(keyOf(toHolderKey(holder), hash));
  }

  async collect(now: number): Promise<number> {
    const { records, copies } = this.deps;
    let removed = 0;
    for (const { id, doc } of await records.list(kind, { after: { sort: now - keptMs, id: '' } })) {
      if (Stored.parse(doc).at + keptMs > now) continue;
      await copies.release(placeOf(id), () => records.delete(kind, id));
      removed++;
    }
    return removed;
  }
}

const placeOf = (id: string): BlobReference => ({ of: kind, holder: id, blob: id });
const keyOf = (owner: string, hash: string) =>
  `bf-${createHash('sha256')
    .update(JSON.stringify([owner, hash]))
    .digest('hex')
    .slice(0, 48)}`;
