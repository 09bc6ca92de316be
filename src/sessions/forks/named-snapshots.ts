import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type ResourceOwnership, selectPreferredResource } from '../../core/model/access/holder.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { namedSnapshotKind as kind, Snapshot } from '../../core/model/sandboxes/snapshot.ts';
import { toCopiedSandboxOptions } from '../../core/model/sandboxes/volume.ts';
import { Collection } from '../../storage/collection.ts';
import type {
  ExportedSnapshot,
  SnapshotForkResult,
  SnapshotImportOptions,
  SnapshotOptions,
  SnapshotService,
} from '../api/server/snapshots.ts';
import type { SessionService } from '../api/sessions.ts';
import type { ConcurrencyLimiter } from '../budgets/holdings.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import { createSnapshotArchive, openSnapshotArchive } from './archive/snapshot-archive.ts';
import { invalidArchiveError } from './archive/tar-reader.ts';
import { checkWorkspaceArchive } from './archive/workspace-check.ts';
import { type BlobReference, type CopyStore, type StoredCopy, shareCopyForSession } from './copies.ts';
import type { WorkspaceArchiver } from './workspace-archive.ts';

export interface NamedSnapshotPolicy {
  readonly maxBytes: number;
  readonly ownerBytes: number;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly policy: NamedSnapshotPolicy;
  readonly holdings: Pick<ConcurrencyLimiter, 'within'>;
  readonly copies: CopyStore;
  readonly archive: WorkspaceArchiver;
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly sessions: () => Pick<SessionService, 'get' | 'create'>;
  readonly ids: Pick<IdSource, 'sessionId' | 'short'>;
}
const tries = 3;
const builtIn = ({ sandbox: { image, start } = {} }: Pick<SessionRecord, 'sandbox'>): Pick<Snapshot, 'built'> =>
  image === undefined ? {} : { built: { image, ...(start && { start }) } };
/** A record with `making` is an incomplete snapshot left by an earlier version of the server. */
const StoredSnapshot = z.union([Snapshot, z.object({ making: z.number(), id: z.string().default('') })]);
type StoredSnapshot = z.infer<typeof StoredSnapshot>;
const wholeOne = (one: StoredSnapshot): Snapshot[] => ('making' in one ? [] : [one]);
const placeOf = (id: string): BlobReference => ({ of: kind, holder: id, blob: id });
const missing = () => new AppError('not_found', 'There is no such snapshot.');
function fail(): never {
  throw missing();
}
/** Matches a snapshot by id or name. The tag `default` can be omitted. */
const isNamed = (idOrName: string) => {
  const [bare] = idOrName.split(':');
  return ({ id, name }: Snapshot) => id === bare || name === idOrName || name === tagged(idOrName);
};

/** A snapshot exists in full, with its record, or not at all. */
export class NamedSnapshotStore extends ServerComponent<Deps> {
  readonly service: SnapshotService = {
    make: (id, requested) => this.#make(id, requested),
    fork: (id, requested) => this.#fork(id, requested),
    list: (owner, projects) => this.#list(owner, projects),
    get: (id) => this.#get(id),
    find: async (idOrName, owner, projects) => {
      const found = (await this.#list(owner, projects)).filter(isNamed(idOrName));
      return (owner === undefined ? found[0] : selectPreferredResource(found)) ?? fail();
    },
    label: (id, change) => this.#label(id, change),
    remove: (id) => this.#remove(id),
    exported: (id) => this.#export(id),
    imported: (requested) =>
      this.#importsInTurn(requested.owner ?? '', () => {
        const session = { owner: requested.owner, projectId: requested.projectId ?? null };
        return this.deps.holdings.within(session, { snapshots: 1 }, () => this.#import(requested));
      }),
  };
  readonly #snapshots = new Collection<StoredSnapshot>(this.deps.records, {
    kind,
    schema: StoredSnapshot,
    sortOf: (one) => ('making' in one ? 0 : one.at),
    missing,
  });
  /** One at a time per owner, so that a snapshot over quota is refused before its files are copied. */
  readonly #inTurn = createKeyedQueue();
  /** One at a time per owner, so that imports exceed the quota by at most one snapshot. */
  readonly #importsInTurn = createKeyedQueue();

  async #make(id: SessionId, requested: SnapshotOptions): Promise<Snapshot> {
    const session = await this.deps.sessions().get(id);
    const owner = requested.owner ?? session.owner;
    const { projectId } = session;
    const make = async () => {
      this.#refuseOverQuota(await this.#readList(owner));
      const snapshotId = `snap-${this.deps.ids.sessionId()}`;
      const created = await this.#copy(id, snapshotId, requested.signal);
      const doc: Snapshot = {
        id: snapshotId,
        name: requested.name ?? null,
        labels: { ...requested.labels },
        sessionId: id,
        template: session.template,
        ...builtIn(session),
        at: this.deps.clock.now(),
        ...created,
        ...(projectId !== null && { projectId }),
        ...(owner !== undefined && { owner }),
      };
      try {
        return await this.#keep(doc);
      } catch (thrown) {
        await this.#drop(snapshotId);
        throw thrown;
      }
    };
    return await this.#inTurn(owner ?? '', () =>
      this.deps.holdings.within({ owner, projectId }, { snapshots: 1 }, make),
    );
  }

  /** The quota includes snapshots that other servers are storing. Rejects: quota, sandbox_capacity. */
  async #keep(doc: Snapshot): Promise<Snapshot> {
    const admit = (others: readonly StoredSnapshot[]) =>
      this.#refuseOverQuota(others.flatMap(wholeOne).filter(({ owner }) => owner === doc.owner));
    const { owner, projectId, bytes } = doc;
    return await this.deps.holdings.within({ owner, projectId: projectId ?? null }, { diskBytes: bytes }, () =>
      this.#snapshots.admitted({ now: this.deps.clock.now(), admit }, doc, async () => {
        if (doc.name !== null) await this.#takeName(doc.name, doc);
        await this.#put(doc);
        return doc;
      }),
    );
  }

  async #fork(id: SessionId, { count, origin, owner, life, signal }: Parameters<SnapshotService['fork']>[1]) {
    const { sessions, ids } = this.deps;
    const parent = await sessions().get(id);
    const blob = `snap-${ids.sessionId()}`;
    const { sha256 } = await this.#copy(id, blob, signal);
    const { template, templateBy, projectId, model, fallbacks, toolServers, author, metadata, sandbox } = parent;
    const make = async (): Promise<SnapshotForkResult> => {
      const created = life?.(parent);
      try {
        const session = await sessions().create({
          origin,
          title: parent.title,
          ...(templateBy !== undefined && { template }),
          projectId,
          ...(model !== undefined && { model }),
          ...(fallbacks && { fallbacks }),
          ...(toolServers && { toolServers }),
          ...(author && { author }),
          ...(metadata && { metadata }),
          ...(sandbox && { sandbox: toCopiedSandboxOptions(sandbox) }),
          ...(created && { life: created }),
          ...((owner ?? parent.owner) !== undefined && { owner: (owner ?? parent.owner) as string }),
          startsFrom: { blob, sha256 },
        });
        return { session };
      } catch (error) {
        return { error };
      }
    };
    try {
      return await Promise.all(Array.from({ length: count }, make));
    } finally {
      await this.deps.copies.drop(placeOf(blob));
    }
  }

  async #export(id: string): Promise<ExportedSnapshot> {
    const snapshot = await this.#get(id);
    const { copies } = this.deps;
    if (!(await copies.isWhole({ blob: id, sha256: snapshot.sha256 }))) throw damaged('It was not exported.');
    return {
      snapshot,
      ...createSnapshotArchive(
        snapshot,
        opened(() => copies.open(id)),
      ),
    };
  }

  async #import({ content, name, labels, owner, projectId, signal }: SnapshotImportOptions): Promise<Snapshot> {
    const { copies, ids, clock, policy } = this.deps;
    signal.throwIfAborted();
    this.#refuseOverQuota(await this.#readList(owner));
    const archive = await openSnapshotArchive(content);
    const id = `snap-${ids.sessionId()}`;
    try {
      const files = checkWorkspaceArchive(archive.content, { maxBytes: policy.maxBytes, maxEntries });
      const { size, sha256 } = await copies.add(placeOf(id), files, { maxBytes: maxOf(policy), signal });
      if (sha256 !== archive.sha256) throw invalidArchiveError('its files do not match the hash in its manifest');
      return await this.#keep({
        id,
        name: name ?? null,
        labels: { ...(labels ?? archive.facts.labels) },
        sessionId: ids.sessionId(), // a new id, because the snapshot's session is not on this server
        template: archive.facts.template,
        at: clock.now(),
        bytes: size,
        sha256,
        ...(owner !== undefined && { owner }),
        ...(projectId && { projectId }),
      });
    } catch (thrown) {
      await this.#drop(id);
      throw thrown;
    }
  }

  async #list(owner?: string, parents: readonly string[] = []): Promise<readonly Snapshot[]> {
    const found = await this.#snapshots.listFor(owner, { parents });
    return found.flatMap(wholeOne).sort((a, b) => b.at - a.at);
  }

  async #readList(owner: string | undefined): Promise<readonly Snapshot[]> {
    return (await this.#snapshots.list({ owner: owner ?? null })).flatMap(wholeOne);
  }

  async #get(id: string): Promise<Snapshot> {
    const found = await this.#snapshots.get(id);
    if ('making' in found) throw missing();
    return found;
  }

  async #label(id: string, { name, labels }: Pick<SnapshotOptions, 'name' | 'labels'>): Promise<Snapshot> {
    const before = await this.#get(id);
    if (name !== undefined) await this.#takeName(name, before);
    const doc = { ...before, ...(name !== undefined && { name }), ...(labels && { labels: { ...labels } }) };
    await this.#put(doc);
    return doc;
  }

  async #remove(id: string): Promise<void> {
    await this.#get(id);
    await this.deps.copies.release(placeOf(id), () => this.#snapshots.delete(id));
  }

  /** Rejects: conflict (the blob does not match its hash), and the codes of `CopyStore.share`. */
  async hand(snapshot: { blob: string; sha256: string }, to: SessionId): Promise<StoredCopy> {
    const options = { maxBytes: maxOf(this.deps.policy), signal: AbortSignal.timeout(copyMs) };
    const copy = await shareCopyForSession(this.deps, to, { ...snapshot, seq: 0 }, options);
    if (!copy) throw damaged('Nothing was started from it.');
    return copy;
  }

  /** Copies again if files change meanwhile. Rejects: payload_too_large, conflict (files changed during each copy). */
  async #copy(id: SessionId, blob: string, signal: AbortSignal): Promise<Pick<Snapshot, 'bytes' | 'sha256'>> {
    const { archive, copies, sandboxes, policy, ids } = this.deps;
    await using used = await sandboxes.use(id, signal);
    const look = () => archive.measure(used.client, `measure-${ids.short()}`, signal);
    try {
      let before = await look();
      for (let left = tries; left > 0; left--) {
        if (before.bytes > policy.maxBytes) {
          const text = `The files have ${before.bytes} bytes in total; a snapshot can have at most ${policy.maxBytes}.`;
          throw new AppError('payload_too_large', text);
        }
        const pack = { name: `snapshot-${ids.short()}`, bytes: before.bytes };
        const content = archive.pack(used.client, pack, signal);
        const { size, sha256 } = await copies.add(placeOf(blob), content, { maxBytes: maxOf(policy), signal });
        const after = await look();
        if (after.print === before.print) return { bytes: size, sha256 };
        before = after;
      }
      const advice = 'Stop the program that writes, or pause the sandbox with keeps: files, and try again.';
      throw new AppError('conflict', `Files changed during each of ${tries} copies, so none is consistent. ${advice}`);
    } catch (thrown) {
      await this.#drop(blob);
      throw thrown;
    }
  }

  async #drop(id: string): Promise<void> {
    await this.deps.copies.drop(placeOf(id)).catch(() => {}); // on failure, the clean-up job retries
  }

  #refuseOverQuota(own: readonly Snapshot[]): void {
    const { ownerBytes } = this.deps.policy;
    const sum = own.reduce((all, { bytes }) => all + bytes, 0);
    if (sum < ownerBytes) return;
    const advice = 'Delete some first.';
    const text = `You have ${own.length} snapshots of ${sum} bytes in total; at most ${ownerBytes} bytes are allowed.`;
    throw new AppError('quota', `${text} ${advice}`);
  }

  async #takeName(name: string, holder: ResourceOwnership): Promise<void> {
    const own = (await this.#snapshots.listHeldBy(holder)).flatMap(wholeOne).filter((one) => one.name === name);
    for (const one of own) await this.#put({ ...one, name: null });
  }

  async #put(doc: Snapshot): Promise<void> {
    await this.deps.records.put({ kind, id: doc.id, doc, sort: doc.at });
  }
}

const damaged = (then: string) =>
  new AppError('conflict', `The snapshot is damaged: its content differs from what was stored. ${then}`);
async function* opened(open: () => Promise<AsyncIterable<Uint8Array>>): AsyncGenerator<Uint8Array> {
  yield* await open();
}
const copyMs = 600_000;
const maxEntries = 500_000;
const tagged = (name: string) => (name.includes(':') ? name : `${name}:default`);
/** Incompressible files grow slightly when compressed. */
const maxOf = ({ maxBytes }: NamedSnapshotPolicy): number => Math.ceil(maxBytes * 1.1) + 10 * 1024 * 1024;
