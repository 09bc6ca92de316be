import { z } from 'zod';
import { type Actor, type Role, roles } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { IdSource } from '../core/ids.ts';
import type { RecordStore } from '../core/ports.ts';
import type { Peppered, Peppers } from './pepper.ts';

const StoredKey = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  /** To whom belongs what it makes: itself, or the key that it was made to stand beside. */
  owner: z.string(),
  pepper: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  lastUsedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
type StoredKey = z.infer<typeof StoredKey>;

/** A key as people see it; the key itself is shown once, where it is made. */
export interface KeyView extends Omit<StoredKey, 'pepper' | 'hash'> {
  /** What the key begins with. */
  readonly prefix: string;
  readonly state: 'active' | 'expired' | 'revoked';
}
export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt?: number | undefined;
  /** A key whose sessions this one has too. */
  readonly beside?: string | undefined;
}
export interface KeyAdmin {
  /** Rejects: invalid_request, not_found (the key beside). */
  create(wish: NewKey): Promise<{ readonly key: string; readonly view: KeyView }>;
  list(): Promise<readonly KeyView[]>;
  /** Open streams and sockets of it end. Rejects: not_found, conflict (nobody could make keys any more). */
  revoke(id: string): Promise<KeyView>;
}
/** What the guard asks. It is all in memory, so that no request waits for the store. */
export interface KeyRing {
  /** A credential is needed: there is a key, be it revoked. What was closed once does not open by itself. */
  readonly any: boolean;
  /** Who asks while there is none; its streams end with the first key. */
  readonly anonymous: Actor;
  find(presented: readonly string[]): Actor | undefined;
  /** Undefined: there is none, or it is not valid any more. */
  live(id: string): Actor | undefined;
}
export interface ApiKeys extends KeyAdmin, KeyRing, Disposable {}

interface Deps {
  readonly records: RecordStore;
  /** Asked for when there is a key, or the first is made. */
  readonly peppers: () => Promise<Peppers>;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  /** Other processes make and revoke keys too. */
  readonly shared: boolean;
  /** There is CORRAL_TOKEN, which can always make keys. */
  readonly hasToken: boolean;
  /** Sandboxes have no walls, so who has a key has everybody's files: there may be keys of one owner alone. */
  readonly onlyOne?: boolean;
  readonly warn: (about: object, text: string) => void;
}
interface Entry {
  doc: StoredKey;
  version: number;
  readonly over: AbortController;
  readonly actor: Actor;
}

const kind = 'apikey';
const form = /^crl_([0-9a-f]{12})_[\w-]{43}$/;
const lookEveryMs = 2_000; // what others revoked, and what has expired, ends after at most so long
const useEveryMs = 60_000;
const maxKeys = 10_000;
const strange: Peppered = { pepper: '', hash: '' };

/** The active keys that no use has moved to the primary pepper yet: only their owners can, for nobody else has them. */
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
const noWalls = (what: string) =>
  new AppError(
    'invalid_request',
    `${what}: sandboxes have no isolation here, so users can read each other's files. Install bubblewrap or start Docker.`,
  );
const missing = () => new AppError('not_found', 'There is no such key.');

export async function apiKeys(deps: Deps): Promise<ApiKeys> {
  const { records, clock, ids, shared, hasToken, warn } = deps;
  const entries = new Map<string, Entry>();
  const closed = new AbortController();
  const anonymous: Actor = { role: 'admin', ended: closed.signal };
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
    const actor = { role: doc.role, key: doc.id, owner: doc.owner, ended: over.signal };
    const entry = known ?? { doc, version, over, actor };
    entries.set(doc.id, entry);
    if (!hasToken) closed.abort();
    endIfOver(entry);
    return entry;
  }
  function endIfOver(entry: Entry): void {
    if (!entry.over.signal.aborted && !isLive(entry)) entry.over.abort();
  }

  async function load(): Promise<void> {
    for (const { doc, version } of await records.list(kind)) {
      const parsed = StoredKey.parse(doc);
      if (entries.get(parsed.id)?.version !== version) know(parsed, version);
    }
    if (entries.size > 0) pepper ??= await deps.peppers();
  }
  async function look(): Promise<void> {
    if (shared) await load().catch((err: unknown) => warn({ err }, 'the API keys could not be read anew'));
    for (const entry of entries.values()) endIfOver(entry);
    lookLater();
  }
  function lookLater(): void {
    clock.clearTimeout(timer);
    if (!isOver && (shared || entries.size > 0)) timer = clock.setTimeout(() => void look(), lookEveryMs);
  }

  /** Once a minute at most; a write that is lost to a newer one is no loss. */
  function use(entry: Entry, presented: string): void {
    const now = clock.now();
    const { lastUsedAt } = entry.doc;
    if (lastUsedAt !== null && now - lastUsedAt < useEveryMs) return;
    const stored = pepper?.hash(presented) ?? entry.doc; // an earlier pepper is left behind with this
    entry.doc = { ...entry.doc, ...stored, lastUsedAt: now };
    const { doc, version: expect } = entry;
    const put = records.put({ kind, id: doc.id, doc, sort: doc.createdAt, expect });
    void put.then((version) => Object.assign(entry, { version: Math.max(entry.version, version) })).catch(() => {});
  }

  async function change(id: string, fields: Partial<StoredKey>): Promise<Entry> {
    for (let tries = 0; ; tries++) {
      const found = await records.get(kind, id);
      if (!found) throw missing();
      const doc = { ...StoredKey.parse(found.doc), ...fields };
      try {
        return know(doc, await records.put({ kind, id, doc, sort: doc.createdAt, expect: found.version }));
      } catch (thrown) {
        if (tries === 5 || !(thrown instanceof AppError && thrown.code === 'conflict')) throw thrown;
      }
    }
  }

  const otherOwners = (than?: string) =>
    new Set([...entries.values()].filter(isLive).flatMap(({ doc }) => (doc.owner === than ? [] : [doc.owner])));

  await load();
  if (deps.onlyOne && otherOwners().size > 1) throw noWalls('There are API keys of several users');
  for (const { doc } of entries.values()) {
    if (!pepper?.knows(doc.pepper)) {
      warn({ key: doc.id }, 'an API key was stored under an encryption key that is not configured; it opens nothing');
    }
  }
  lookLater();

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
        return entry.actor;
      }
      return undefined;
    },
    live(id) {
      const entry = entries.get(id);
      return entry && isLive(entry) ? entry.actor : undefined;
    },

    async create({ name, role, expiresAt, beside }) {
      if (shared) await load();
      const now = clock.now();
      if (expiresAt !== undefined && expiresAt <= now) {
        throw new AppError('invalid_request', 'The key would have expired already.');
      }
      if (entries.size >= maxKeys) throw new AppError('quota', `There are ${maxKeys} keys already, the most allowed.`);
      if (entries.size === 0 && role !== 'admin' && !hasToken) {
        throw new AppError(
          'invalid_request',
          'From the first key on the server asks for one. Make one of the role admin first, or set CORRAL_TOKEN: else nobody could make keys any more.',
        );
      }
      const other = beside === undefined ? undefined : entries.get(beside);
      if (beside !== undefined && !other) throw missing();
      if (deps.onlyOne && otherOwners(other?.doc.owner).size > 0) throw noWalls('A key for a second user is not made');
      pepper ??= await deps.peppers();
      const id = ids.short();
      const key = `crl_${id}_${ids.token()}`;
      const owner = other?.doc.owner ?? id;
      const times = { createdAt: now, expiresAt: expiresAt ?? null, lastUsedAt: null, revokedAt: null };
      const doc: StoredKey = { id, name, role, owner, ...pepper.hash(key), ...times };
      const entry = know(doc, await records.put({ kind, id, doc, sort: now, expect: 0 }));
      lookLater();
      return { key, view: view(entry.doc) };
    },
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
        throw new AppError('conflict', 'It is the last key of the role admin. Make another one first.');
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
