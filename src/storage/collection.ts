import { z } from 'zod';
import { createKeyedQueue } from '../core/concurrency/keyed-queue.ts';
import type { RecordListOptions, RecordPut, RecordStore, StoredRecord } from '../core/contracts/ports.ts';
import { AppError, ignoreConflict } from '../core/errors/errors.ts';
import { type ResourceOwnership, toHolderKey } from '../core/model/access/holder.ts';

type Records = Pick<RecordStore, 'get' | 'put' | 'delete' | 'list' | 'count'>;
type Awaitable<Value> = Value | Promise<Value>;
/** A new document with its list position (`sort`), `again` to reread and retry, or undefined to write nothing. */
type Next<Doc> = { readonly doc: Doc; readonly sort?: number } | 'again' | undefined;

const maxTries = 1_000; // attempts; each fails because another writer was faster
// A record's name counts as taken after this many refused writes to the same version. Concurrent writers alone can
// cause two such refusals.
const maxRefusals = 3;

/**
 * `change` runs again after a concurrent write. Resolves with undefined if nothing was written. Rejects: conflict (the
 * record's unique name is taken), store_busy.
 */
export async function changeRecord<Doc>(
  records: Pick<RecordStore, 'get' | 'put'>,
  { kind, id }: Pick<RecordPut, 'kind' | 'id'>,
  change: (now: StoredRecord | undefined) => Awaitable<Next<Doc>>,
): Promise<VersionedDocument<Doc> | undefined> {
  for (let [tries, refused, times] = [0, -1, 0]; tries < maxTries; tries++) {
    const found = await records.get(kind, id);
    const expect = found?.version ?? 0;
    if (expect === refused && times >= maxRefusals) throw new AppError('conflict', 'Another record has this name.');
    const next = await change(found);
    if (!next) return undefined;
    if (next === 'again') continue;
    const version = await records.put({ kind, id, ...next, expect }).catch(ignoreConflict);
    if (version !== undefined) return { doc: next.doc, version };
    [refused, times] = [expect, expect === refused ? times + 1 : 1];
  }
  throw new AppError('store_busy', 'This record is being changed by other callers. Try again.');
}

export async function changeRecordWithResult<Value>(
  records: Pick<RecordStore, 'get' | 'put'>,
  place: Pick<RecordPut, 'kind' | 'id'>,
  change: (now: StoredRecord | undefined) => Awaitable<{ value: Value; doc?: unknown; sort?: number } | 'again'>,
): Promise<Value> {
  let last: { readonly value: Value } | undefined;
  await changeRecord<unknown>(records, place, async (now) => {
    const next = await change(now);
    if (next === 'again') return 'again';
    const { doc, sort } = next;
    last = next;
    return doc === undefined ? undefined : { doc, ...(sort !== undefined && { sort }) };
  });
  return (last as { readonly value: Value } | undefined)?.value as Value;
}

/** The returned function reads one batch per call, and starts over at `from` after the last batch. */
export function createRecordSweep(
  records: Pick<RecordStore, 'list'>,
  kind: string,
  placeOf: (record: StoredRecord) => ListPlace,
): (from?: ListPlace) => Promise<readonly StoredRecord[]> {
  let last: StoredRecord | undefined;
  return async (from) => {
    const after = last ? placeOf(last) : from;
    const found = await records.list(kind, { limit: maxSweepBatch, ...(after && { after }) });
    last = found.length === maxSweepBatch ? found.at(-1) : undefined;
    return found;
  };
}
type ListPlace = NonNullable<RecordListOptions['after']>;
/** Maximum number of records read per clean-up round. A round runs every minute. */
export const maxSweepBatch = 200;

export interface Quota<Doc> {
  readonly now: number;
  readonly most: number;
  readonly text: string;
  readonly counts?: (doc: Doc) => boolean;
}
/** A limit, such as a total size, on the documents of an owner and a project. */
export interface OwnerLimit<Doc> {
  readonly now: number;
  /** `others` includes documents that a server is still storing. Throws if there is no room. */
  readonly admit: (others: readonly Doc[]) => void;
}
interface Rules<Doc> {
  readonly kind: string;
  readonly schema: z.ZodType<Doc>;
  /** Absent: the time of creation, so that lists are sorted newest first. */
  readonly sortOf?: (doc: Doc) => number;
  readonly missing: () => AppError;
}
interface ListedOthers {
  readonly shared?: boolean;
  readonly parents?: readonly string[] | undefined;
}
interface OwnedDocument extends Partial<Readonly<ResourceOwnership>> {
  readonly id: string;
  readonly createdAt?: number | undefined;
}
export interface VersionedDocument<Doc> {
  readonly doc: Doc;
  readonly version: number;
}

/** Quotas and unique names apply across all servers that share the store. */
export class Collection<Doc extends OwnedDocument> {
  readonly #records: Records;
  readonly #rules: Rules<Doc>;
  readonly #inTurn = createKeyedQueue();

  constructor(records: Records, rules: Rules<Doc>) {
    this.#records = records;
    this.#rules = rules;
  }

  async find(id: string): Promise<VersionedDocument<Doc> | undefined> {
    const found = await this.#records.get(this.#rules.kind, id);
    return found && { doc: this.#rules.schema.parse(found.doc), version: found.version };
  }

  async get(id: string): Promise<Doc> {
    const found = await this.find(id);
    if (!found) throw this.#rules.missing();
    return found.doc;
  }

  async list(options: RecordListOptions = {}): Promise<Doc[]> {
    return (await this.#records.list(this.#rules.kind, options)).map(({ doc }) => this.#rules.schema.parse(doc));
  }

  async listFor(owner: string | undefined, { shared = false, parents = [] }: ListedOthers = {}): Promise<Doc[]> {
    if (owner === undefined) return await this.list();
    const lists = [{ owner }, ...parents.map((parent) => ({ parent })), ...(shared ? [{ shared: true } as const] : [])];
    const [own = [], ...others] = await Promise.all(lists.map((only) => this.list(only)));
    const found = [...own.filter(({ projectId }) => !projectId || parents.includes(projectId)), ...others.flat()];
    return [...new Map(found.map((doc) => [doc.id, doc])).values()];
  }

  async listHeldBy({ owner, projectId }: ResourceOwnership): Promise<Doc[]> {
    if (projectId) return await this.list({ parent: projectId });
    return (await this.list({ owner: owner ?? null })).filter((doc) => !doc.projectId);
  }

  async listUsable({ owner, projectId }: ResourceOwnership): Promise<Doc[]> {
    const holders = [...(projectId ? [{ projectId }] : []), { owner }];
    return (await Promise.all(holders.map((holder) => this.listHeldBy(holder)))).flat();
  }

  /** Rejects: conflict (the id or the unique name is taken), quota. */
  async create(doc: Doc, quota?: Quota<Doc>): Promise<Doc> {
    const { kind } = this.#rules;
    const put = () => this.#records.put({ kind, id: doc.id, doc, sort: this.#sortOf(doc), expect: 0 });
    await (quota ? this.within(quota, doc, put) : put());
    return doc;
  }

  /** `make` stores the document. Rejects: quota, and any error from `make`. */
  async within<Made>(quota: Quota<Doc>, doc: Pick<Doc, 'id' | 'owner'>, make: () => Promise<Made>): Promise<Made> {
    const isFull = async (taken: QuotaPlaces) => await this.#isFull(quota, doc.owner ?? null, Object.keys(taken));
    return await this.#withPlace(doc, quota.now, make, async (taken) => {
      if (await isFull(taken)) throw new AppError('quota', quota.text);
      return quota.now;
    });
  }

  /** `make` stores or changes the document. Rejects with any error from `admit` or `make`. */
  async admitted<Made>({ admit, now }: OwnerLimit<Doc>, doc: Doc, make: () => Promise<Made>): Promise<Made> {
    const { id, owner, projectId } = doc;
    const lists = [{ owner: owner ?? null }, ...(projectId ? [{ parent: projectId }] : [])];
    const take = async (taken: QuotaPlaces) => {
      const stored = (await Promise.all(lists.map((only) => this.list(only)))).flat();
      const storing = Object.values(taken).flatMap((place) =>
        typeof place === 'number' ? [] : [this.#rules.schema.parse(place.doc)],
      );
      const byId = new Map([...stored, ...storing].map((one) => [one.id, one]));
      byId.delete(id);
      admit([...byId.values()]);
      return { at: now, doc };
    };
    const store = () => this.#withPlace({ id, owner: toHolderKey(doc) }, now, make, take);
    return await (projectId ? this.#withPlace(doc, now, store, take) : store());
  }

  /** Calls `take` with the reservations of other documents, and again after a concurrent write. */
  async #withPlace<Made>(
    { id, owner = '' }: Pick<Doc, 'id' | 'owner'>,
    now: number,
    make: () => Promise<Made>,
    take: (taken: QuotaPlaces) => Promise<QuotaPlaces[string]>,
  ): Promise<Made> {
    const place = { kind: quotaKind, id: `quota:${this.#rules.kind}:${owner}` };
    return await this.#inTurn(place.id, async () => {
      await changeRecord(this.#records, place, async (found) => {
        const places = Object.entries(Places.parse(found?.doc ?? {}));
        const taken = Object.fromEntries(places.filter(([other, at]) => other !== id && now - timeOf(at) < placeMs));
        return { doc: { ...taken, [id]: await take(taken) } };
      });
      try {
        return await make();
      } finally {
        await changeRecord(this.#records, place, (found) => {
          const { [id]: _, ...others } = Places.parse(found?.doc ?? {});
          return { doc: others };
        }).catch(() => {}); // if this fails, the reservation expires
      }
    });
  }

  /** `taken` contains ids of documents being stored. Stored documents are not counted twice. */
  async #isFull({ most, counts }: Quota<Doc>, owner: string | null, taken: readonly string[]): Promise<boolean> {
    if ((await this.#records.count(this.#rules.kind, { owner })) + taken.length < most) return false;
    const own = await this.list({ owner });
    const stored = new Set(own.map(({ id }) => id));
    const waiting = taken.filter((id) => !stored.has(id));
    return own.filter((doc) => counts?.(doc) ?? true).length + waiting.length >= most;
  }

  /** Writes nothing if `change` returns undefined or `now`. Rejects: not_found, conflict (name taken), store_busy. */
  async change(id: string, change: (now: Doc) => Awaitable<Doc | undefined>): Promise<Doc> {
    const { kind, schema, missing } = this.#rules;
    let now: Doc | undefined;
    const changed = await changeRecord(this.#records, { kind, id }, async (found): Promise<Next<Doc>> => {
      if (!found) throw missing();
      now = schema.parse(found.doc);
      const next = await change(now);
      return next === undefined || next === now ? undefined : { doc: next, sort: this.#sortOf(next) };
    });
    return (changed?.doc ?? now) as Doc;
  }

  async delete(id: string): Promise<void> {
    await this.#records.delete(this.#rules.kind, id);
  }

  /** Deleting the parts first allows a retry. The second call deletes parts added meanwhile. */
  async deleteWith(id: string, deleteParts: () => Promise<void>): Promise<void> {
    await deleteParts();
    await this.delete(id);
    await deleteParts();
  }

  #sortOf = (doc: Doc): number => this.#rules.sortOf?.(doc) ?? doc.createdAt ?? 0;
}

const quotaKind = 'quota';
const Places = z.record(z.string(), z.union([z.number(), z.object({ at: z.number(), doc: z.unknown() })]));
type QuotaPlaces = z.infer<typeof Places>;
const timeOf = (place: QuotaPlaces[string]): number => (typeof place === 'number' ? place : place.at);
const placeMs = 60_000; // after this, the reserving server is considered dead
