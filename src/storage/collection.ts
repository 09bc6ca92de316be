import { z } from 'zod';
import { keyedQueue } from '../core/concurrency/keyed-queue.ts';
import type { ListOptions, RecordPut, RecordStore, StoredRecord } from '../core/contracts/ports.ts';
import { AppError, unlessConflict } from '../core/errors/errors.ts';
import { type Holder, holderKey } from '../core/model/access/holder.ts';

type Records = Pick<RecordStore, 'get' | 'put' | 'delete' | 'list' | 'count'>;
type Awaitable<Value> = Value | Promise<Value>;
/** The new document of a record, and its place in lists. Undefined: no change. `again`: read what it refers to once more. */
type Next<Doc> = { readonly doc: Doc; readonly sort?: number } | 'again' | undefined;

const maxTries = 1_000; // of which another writer won all but the last
const maxRefusals = 3; // of one version, which is then refused for its name; twice can be a record that came and went

/**
 * Changes a record by what it holds at the time of the write, however many servers change it. `change` runs again after
 * another writer, and can throw. Resolves with the stored document. Rejects: conflict (its unique name is taken), store_busy.
 */
export async function changeRecord<Doc>(
  records: Pick<RecordStore, 'get' | 'put'>,
  { kind, id }: Pick<RecordPut, 'kind' | 'id'>,
  change: (now: StoredRecord | undefined) => Awaitable<Next<Doc>>,
): Promise<Versioned<Doc> | undefined> {
  for (let [tries, refused, times] = [0, -1, 0]; tries < maxTries; tries++) {
    const found = await records.get(kind, id);
    const expect = found?.version ?? 0;
    if (expect === refused && times >= maxRefusals) throw new AppError('conflict', 'Another record has this name.');
    const next = await change(found);
    if (!next) return undefined;
    if (next === 'again') continue;
    const version = await records.put({ kind, id, ...next, expect }).catch(unlessConflict);
    if (version !== undefined) return { doc: next.doc, version };
    [refused, times] = [expect, expect === refused ? times + 1 : 1];
  }
  throw new AppError('store_busy', 'This is being changed by other callers. Try again.');
}

/** Like `changeRecord`, and resolves with the value of the last call. Without `doc` the record stays. */
export async function changeRecordFor<Value>(
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

/**
 * Reads the records of a kind in rounds, each from where the last one ended, so that a round of a clean-up costs the same
 * however many there are. `placeOf` is the record's place in the list of its kind; `from` is where a list begins.
 */
export function sweep(
  records: Pick<RecordStore, 'list'>,
  kind: string,
  placeOf: (record: StoredRecord) => ListPlace,
): (from?: ListPlace) => Promise<readonly StoredRecord[]> {
  let last: StoredRecord | undefined;
  return async (from) => {
    const after = last ? placeOf(last) : from;
    const found = await records.list(kind, { limit: sweptAtOnce, ...(after && { after }) });
    last = found.length === sweptAtOnce ? found.at(-1) : undefined;
    return found;
  };
}
type ListPlace = NonNullable<ListOptions['after']>;
/** Rounds of clean-ups come each minute. */
export const sweptAtOnce = 200;

export interface Quota<Doc> {
  /** The present time, by which places of dead servers are released. */
  readonly now: number;
  readonly most: number;
  /** The text of the refusal. */
  readonly text: string;
  /** Whether a stored document counts; absent: each one does. */
  readonly counts?: (doc: Doc) => boolean;
}
/** A rule over all documents of an owner and of a project, such as the sum of their bytes. */
export interface OwnerRule<Doc> {
  readonly now: number;
  /** `others`: all other documents of both, including those that any server is storing. Throws if there is no room. */
  readonly admit: (others: readonly Doc[]) => void;
}
interface Rules<Doc> {
  readonly kind: string;
  readonly schema: z.ZodType<Doc>;
  /** Absent: the time of creation, so that lists have the newest first. */
  readonly sortOf?: (doc: Doc) => number;
  readonly missing: () => AppError;
}
interface ListedOthers {
  readonly shared?: boolean;
  readonly parents?: readonly string[];
}
interface OwnedDocument extends Partial<Readonly<Holder>> {
  readonly id: string;
  readonly createdAt?: number | undefined;
}
export interface Versioned<Doc> {
  readonly doc: Doc;
  readonly version: number;
}

/** Documents of one kind, with an owner and their own id. Changes, quotas and names hold for all servers of the store. */
export class Collection<Doc extends OwnedDocument> {
  readonly #records: Records;
  readonly #rules: Rules<Doc>;
  readonly #inTurn = keyedQueue();

  constructor(records: Records, rules: Rules<Doc>) {
    this.#records = records;
    this.#rules = rules;
  }

  async find(id: string): Promise<Versioned<Doc> | undefined> {
    const found = await this.#records.get(this.#rules.kind, id);
    return found && { doc: this.#rules.schema.parse(found.doc), version: found.version };
  }

  /** Rejects: not_found. */
  async get(id: string): Promise<Doc> {
    const found = await this.find(id);
    if (!found) throw this.#rules.missing();
    return found.doc;
  }

  async list(options: ListOptions = {}): Promise<Doc[]> {
    return (await this.#records.list(this.#rules.kind, options)).map(({ doc }) => this.#rules.schema.parse(doc));
  }

  /**
   * All documents for an undefined owner, who sees everything; else the owner's outside of other projects, those of the
   * parents, and with `shared` those of everybody.
   */
  async listFor(owner: string | undefined, { shared = false, parents = [] }: ListedOthers = {}): Promise<Doc[]> {
    if (owner === undefined) return await this.list();
    const lists = [{ owner }, ...parents.map((parent) => ({ parent })), ...(shared ? [{ shared: true } as const] : [])];
    const [own = [], ...others] = await Promise.all(lists.map((only) => this.list(only)));
    const found = [...own.filter(({ projectId }) => !projectId || parents.includes(projectId)), ...others.flat()];
    return [...new Map(found.map((doc) => [doc.id, doc])).values()];
  }

  /** The documents that this holder has. */
  async listHeldBy({ owner, projectId }: Holder): Promise<Doc[]> {
    if (projectId) return await this.list({ parent: projectId });
    return (await this.list({ owner: owner ?? null })).filter((doc) => !doc.projectId);
  }

  /** The documents that a session can use: first those of its project, then those of its owner. */
  async listUsable({ owner, projectId }: Holder): Promise<Doc[]> {
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

  /** Calls `make`, which stores the document, if its owner has room for it. Rejects: quota. */
  async within<Made>(quota: Quota<Doc>, doc: Pick<Doc, 'id' | 'owner'>, make: () => Promise<Made>): Promise<Made> {
    const isFull = async (taken: QuotaPlaces) => await this.#isFull(quota, doc.owner ?? null, Object.keys(taken));
    return await this.#withPlace(doc, quota.now, make, async (taken) => {
      if (await isFull(taken)) throw new AppError('quota', quota.text);
      return quota.now;
    });
  }

  /** Calls `make`, which stores the document or its change, if the rule admits it. Rejects as the rule does. */
  async admitted<Made>({ admit, now }: OwnerRule<Doc>, doc: Doc, make: () => Promise<Made>): Promise<Made> {
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
    const store = () => this.#withPlace({ id, owner: holderKey(doc) }, now, make, take);
    return await (projectId ? this.#withPlace(doc, now, store, take) : store());
  }

  /** `take` decides by the places of other documents that are being stored, and runs again after another writer. */
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
        }).catch(() => {}); // the place is released after its time
      }
    });
  }

  /** `taken`: the documents that are being stored. One that is stored by now is counted once. */
  async #isFull({ most, counts }: Quota<Doc>, owner: string | null, taken: readonly string[]): Promise<boolean> {
    if ((await this.#records.count(this.#rules.kind, { owner })) + taken.length < most) return false;
    const own = await this.list({ owner });
    const stored = new Set(own.map(({ id }) => id));
    const waiting = taken.filter((id) => !stored.has(id));
    return own.filter((doc) => counts?.(doc) ?? true).length + waiting.length >= most;
  }

  /** `change` gets the present document; undefined or the same object: it stays. Rejects: not_found, conflict (the name is taken). */
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

  /** Deletes the document after its parts, so that a deletion that is cut can be repeated, and then the parts that came meanwhile. */
  async deleteWith(id: string, deleteParts: () => Promise<void>): Promise<void> {
    await deleteParts();
    await this.delete(id);
    await deleteParts();
  }

  #sortOf = (doc: Doc): number => this.#rules.sortOf?.(doc) ?? doc.createdAt ?? 0;
}

/** The places that owners have taken for documents that are being stored, by the ids of these. */
const quotaKind = 'quota';
const Places = z.record(z.string(), z.union([z.number(), z.object({ at: z.number(), doc: z.unknown() })]));
type QuotaPlaces = z.infer<typeof Places>;
const timeOf = (place: QuotaPlaces[string]): number => (typeof place === 'number' ? place : place.at);
const placeMs = 60_000; // then the server that took it has died
