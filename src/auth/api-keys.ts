import { z } from 'zod';
import { keyedQueue } from '../core/concurrency/keyed-queue.ts';
import { ChangedRecords } from '../core/contracts/changed-records.ts';
import type { Clock } from '../core/contracts/clock.ts';
import type { RecordStore } from '../core/contracts/ports.ts';
import { AppError } from '../core/errors/errors.ts';
import type { IdSource } from '../core/model/ids.ts';
import { type Principal, type Role, roles } from '../core/model/principal.ts';
import { changeRecord } from '../storage/collection.ts';
import type { KeyRing } from './key-ring.ts';
import type { PepperedHash, Peppers } from './pepper.ts';

const StoredKey = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  /** The owner of the sessions that this key creates: the key itself, or the key named by `beside` at its creation. */
  owner: z.string(),
  pepper: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  lastUsedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
type StoredKey = z.infer<typeof StoredKey>;

/** A key without its secret. Only `create` returns the secret, once. */
export interface KeyView extends Omit<StoredKey, 'pepper' | 'hash'> {
  /** The first characters of the key, enough for a person to recognise it. */
  readonly prefix: string;
  readonly state: 'active' | 'expired' | 'revoked';
}
export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt?: number | undefined;
  /** The id of an existing key. The new key gets the same owner, so both see the same sessions. */
  readonly beside?: string | undefined;
}
export interface KeyAdmin {
  /** Rejects: invalid_request, quota (10,000 keys), not_found (no key has the id `beside`). */
  create(newKey: NewKey): Promise<{ readonly key: string; readonly view: KeyView }>;
  list(): Promise<readonly KeyView[]>;
  /**
   * Ends the key's open streams and sockets. Rejects: not_found, conflict (the last admin key, and CORRAL_TOKEN is not
   * set).
   */
  revoke(id: string): Promise<KeyView>;
}
export interface ApiKeys extends KeyAdmin, KeyRing, Disposable {}

interface Deps {
  readonly records: RecordStore;
  /** Loads the peppers. Called once, when the first key is read or created. */
  readonly peppers: () => Promise<Peppers>;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  /** Other processes create and revoke keys in the same store. */
  readonly shared: boolean;
  /** CORRAL_TOKEN is set, so a caller who can create keys always exists. */
  readonly hasToken: boolean;
  /** Sandboxes have no isolation, so any user could read every file. All active keys must then have the same owner. */
  readonly onlyOne?: boolean;
  readonly warn: (about: object, text: string) => void;
}
interface Entry {
  doc: StoredKey;
  version: number;
  readonly over: AbortController;
  readonly principal: Principal;
}

const kind = 'apikey';
const form = /^crl_([0-9a-f]{12})_[\w-]{43}$/;
const lookEveryMs = 2_000; // a key that another process revoked, or that expired, works at most this much longer
const useEveryMs = 60_000;
const maxKeys = 10_000;
const strange: PepperedHash = { pepper: '', hash: '' };

/**
 * The active keys that are still stored under an older pepper. A key moves to the primary pepper when its owner next
 * uses it, because only the owner has its secret.
 */
export async function keysUnderOldPeppers(
  records: RecordStore,
  { peppers, now }: { readonly peppers: Peppers; readonly now: number },
): Promise<readonly { readonly id: string; readonly name: string }[]> {
  const keys = (await records.list(kind)).map(({ doc }) => StoredKey.parse(doc));
  return keys.filter((key) => stateOf(key, now) === 'active' && !peppers.isPrimary(key.pepper));
}

const stateOf = ({ revokedAt, expiresAt }: StoredKey, now: number): KeyView['state'] => {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
};
const notIsolated = (what: string) =>
  new AppError(
    'invalid_request',
    `${what}: sandboxes have no isolation here, so users can read each other's files. Install bubblewrap or start Docker.`,
  );
const missing = () => new AppError('not_found', 'There is no such key.');

export async function apiKeys(deps: Deps): Promise<ApiKeys> {
  const { records, clock, ids, shared, hasToken, warn } = deps;
  const entries = new Map<string, Entry>();
  const news = new ChangedRecords(records, kind);
  const closed = new AbortController();
  const anonymous: Principal = { role: 'admin', ended: closed.signal };
  let pepper: Peppers | undefined;
  let timer: unknown;
  let isOver = false;

  const isLive = ({ doc }: Entry) => stateOf(doc, clock.now()) === 'active';
  const view = ({ pepper: _pepper, hash: _hash, ...shown }: StoredKey): KeyView => ({
    ...shown,
    prefix: `crl_${shown.id}`,
    state: stateOf({ ...shown, pepper: '', hash: '' }, clock.now()),
  });

  function know(doc: StoredKey, version: number): Entry {
    const known = entries.get(doc.id);
    if (known) Object.assign(known, { doc, version });
    const over = new AbortController();
    const principal = { role: doc.role, key: doc.id, owner: doc.owner, ended: over.signal };
    const entry = known ?? { doc, version, over, principal };
    entries.set(doc.id, entry);
    if (!hasToken) closed.abort();
    endIfOver(entry);
    return entry;
  }
  function endIfOver(entry: Entry): void {
    if (!entry.over.signal.aborted && !isLive(entry)) entry.over.abort();
  }

  async function load(): Promise<void> {
    for (const { doc, version } of (await news.next()).changed) {
      const parsed = StoredKey.parse(doc);
      if (entries.get(parsed.id)?.version !== version) know(parsed, version);
    }
    if (entries.size > 0) pepper ??= await deps.peppers();
  }
  async function look(): Promise<void> {
    if (shared)
      await load().catch((err: unknown) =>
        warn({ err }, 'the API keys could not be read from the store; trying again in 2 s'),
      );
    for (const entry of entries.values()) endIfOver(entry);
    lookLater();
  }
  function lookLater(): void {
    clock.clearTimeout(timer);
    if (!isOver && (shared || entries.size > 0)) timer = clock.setTimeout(() => void look(), lookEveryMs);
  }

  /** Records the time of use, at most once a minute. A conflict is ignored: the newer write has a time too. */
  function use(entry: Entry, presented: string): void {
    const now = clock.now();
    const { lastUsedAt } = entry.doc;
    if (lastUsedAt !== null && now - lastUsedAt < useEveryMs) return;
    const stored = pepper?.hash(presented) ?? entry.doc; // moves the key from an older pepper to the primary one
    entry.doc = { ...entry.doc, ...stored, lastUsedAt: now };
    const { doc, version: expect } = entry;
    const put = records.put({ kind, id: doc.id, doc, sort: doc.createdAt, expect });
    void put.then((version) => Object.assign(entry, { version: Math.max(entry.version, version) })).catch(() => {});
  }

  async function change(id: string, fields: Partial<StoredKey>): Promise<Entry> {
    const changed = await changeRecord<StoredKey>(records, { kind, id }, (found) => {
      if (!found) throw missing();
      const doc = { ...StoredKey.parse(found.doc), ...fields };
      return { doc, sort: doc.createdAt };
    });
    if (!changed) throw missing();
    return know(changed.doc, changed.version);
  }

  const otherOwners = (than?: string) =>
    new Set([...entries.values()].filter(isLive).flatMap(({ doc }) => (doc.owner === than ? [] : [doc.owner])));

  await load();
  if (deps.onlyOne && otherOwners().size > 1) throw notIsolated('There are API keys of several users');
  for (const { doc } of entries.values()) {
    if (!pepper?.knows(doc.pepper)) {
      warn({ key: doc.id }, 'an API key was stored under an encryption key that is not configured; it is rejected');
    }
  }
  lookLater();

  const inTurn = keyedQueue(); // so that the limit holds for concurrent calls
  async function create({ name, role, expiresAt, beside }: Parameters<ApiKeys['create']>[0]) {
    if (shared) await load();
    const now = clock.now();
    if (expiresAt !== undefined && expiresAt <= now) {
      throw new AppError('invalid_request', 'The key would expire in the past. Choose a later expiresAt.');
    }
    if (entries.size >= maxKeys) throw new AppError('quota', `There are already ${maxKeys} keys, the maximum.`);
    if (entries.size === 0 && role !== 'admin' && !hasToken) {
      throw new AppError(
        'invalid_request',
        'The first key must have the role admin: from then on requests need a key, and only an admin can create more. ' +
          'Create an admin key first, or set CORRAL_TOKEN.',
      );
    }
    const other = beside === undefined ? undefined : entries.get(beside);
    if (beside !== undefined && !other) throw missing();
    if (deps.onlyOne && otherOwners(other?.doc.owner).size > 0) throw notIsolated('A second user cannot have a key');
    pepper ??= await deps.peppers();
    const id = ids.short();
    const key = `crl_${id}_${ids.token()}`;
    const owner = other?.doc.owner ?? id;
    const times = { createdAt: now, expiresAt: expiresAt ?? null, lastUsedAt: null, revokedAt: null };
    const doc: StoredKey = { id, name, role, owner, ...pepper.hash(key), ...times };
    const entry = know(doc, await records.put({ kind, id, doc, sort: now, expect: 0 }));
    lookLater();
    return { key, view: view(entry.doc) };
  }

  return {
    get any() {
      return entries.size > 0;
    },
    anonymous,
    find(presented) {
      for (const text of presented) {
        const entry = entries.get(form.exec(text)?.[1] ?? '');
        const matches = pepper?.matches(text, entry?.doc ?? strange);
        if (!entry || !matches || !isLive(entry)) continue;
        use(entry, text);
        return entry.principal;
      }
      return undefined;
    },
    principals: () => [...entries.values()].filter(isLive).map(({ principal }) => principal),
    live(id) {
      const entry = entries.get(id);
      return entry && isLive(entry) ? entry.principal : undefined;
    },

    create: (newKey) => inTurn('', () => create(newKey)),
    async list() {
      if (shared) await load();
      return [...entries.values()].map(({ doc }) => view(doc)).sort((a, b) => b.createdAt - a.createdAt);
    },
    async revoke(id) {
      if (shared) await load();
      const found = entries.get(id);
      if (!found) throw missing();
      const others = [...entries.values()].filter((entry) => entry !== found && isLive(entry));
      const isNeeded = !hasToken && found.doc.role === 'admin' && isLive(found);
      if (isNeeded && !others.some(({ doc }) => doc.role === 'admin')) {
        throw new AppError('conflict', 'This is the last key with the role admin. Create another admin key first.');
      }
      const { doc } = found.doc.revokedAt === null ? await change(id, { revokedAt: clock.now() }) : found;
      return view(doc);
    },
    [Symbol.dispose]() {
      isOver = true;
      clock.clearTimeout(timer);
    },
  };
}
