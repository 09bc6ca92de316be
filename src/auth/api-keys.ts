import { z } from 'zod';
import { combineSignals } from '../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../core/concurrency/keyed-queue.ts';
import { RecordWatcher, recordWatchIntervalMs } from '../core/contracts/changed-records.ts';
import type { RecordStore } from '../core/contracts/ports.ts';
import type { ServerDependencies } from '../core/contracts/server-parts.ts';
import { AppError } from '../core/errors/errors.ts';
import { TrustRule } from '../core/model/access/trust-rule.ts';
import type { IdSource } from '../core/model/ids.ts';
import {
  apiKeyProjectRoles,
  minProjectRole,
  minRole,
  type Principal,
  type Role,
  roles,
} from '../core/model/principal.ts';
import { changeRecord } from '../storage/collection.ts';
import type { PrincipalResolver } from './key-ring.ts';
import type { PepperedHash, Peppers } from './pepper.ts';
import type { TrustedAccount } from './tokens/program-tokens.ts';

const StoredKey = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  /** The owner of the sessions that this key creates. A project key is its own owner. */
  owner: z.string(),
  /** The creator, whose rights limit the key's rights. Null for a service account's key. */
  person: z.string().nullable().default(null),
  project: z
    .object({ id: z.string(), role: z.enum(apiKeyProjectRoles) })
    .nullable()
    .default(null),
  /** Tokens that match this rule authenticate as this account. Null if the key has a secret. */
  trust: TrustRule.nullable().default(null),
  pepper: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
  lastUsedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
type StoredKey = z.infer<typeof StoredKey>;

export interface ApiKeyView extends Omit<StoredKey, 'pepper' | 'hash'> {
  readonly prefix: string;
  readonly state: 'active' | 'expired' | 'revoked';
}
export interface NewKeyRequest {
  readonly name: string;
  readonly role: Role;
  readonly expiresAt?: number | undefined;
  /** An existing key's id. Unless `person` or `project` is set, the new key gets that key's owner. */
  readonly beside?: string | undefined;
  readonly person?: string | undefined;
  readonly project?: StoredKey['project'] | undefined;
}
export interface ApiKeyAdmin {
  /**
   * Rejects with invalid_request, forbidden (the person has fewer rights), quota (10,000 keys, 50 per person), or not_found
   * (no such project, or no key with the id `beside`).
   */
  create(newKey: NewKeyRequest): Promise<{ readonly key: string; readonly view: ApiKeyView }>;
  /** Creates an account without a secret. Rejects like `create`. */
  trust(newKey: NewKeyRequest, rule: TrustRule): Promise<ApiKeyView>;
  list(): Promise<readonly ApiKeyView[]>;
  /**
   * Also ends the key's open streams and sockets. Rejects with not_found, or with conflict for the last admin key if
   * there is neither CORRAL_TOKEN nor sign-in.
   */
  revoke(id: string): Promise<ApiKeyView>;
}
export interface ApiKeys extends ApiKeyAdmin, Omit<PrincipalResolver, 'prepare'>, Disposable {
  trusted(): readonly TrustedAccount[];
}

interface Deps extends Pick<ServerDependencies, 'clock' | 'records' | 'warn'> {
  readonly peppers: () => Promise<Peppers>;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  readonly shared: boolean;
  /** Whether access is possible without an API key: CORRAL_TOKEN is set, or people can sign in. */
  readonly hasToken: boolean;
  readonly personOf?: (person: string) => Principal | undefined;
  /** Keys of a deleted project are no longer valid. */
  readonly hasProject?: (id: string) => boolean;
  readonly issuers?: readonly string[];
  /** Requires all active keys to have the same owner, because without isolation any user could read every file. */
  readonly onlyOne?: boolean;
}
interface Entry {
  doc: StoredKey;
  version: number;
  over: AbortController;
  principal: Principal;
  from: Principal | undefined;
}

const kind = 'apikey';
const form = /^crl_([0-9a-f]{12})_[\w-]{43}$/;
const useEveryMs = 60_000;
const maxKeys = 10_000;
const maxPersonalKeys = 50;
const none: Principal = { role: 'nobody' };
const strange: PepperedHash = { pepper: '', hash: '' };

/** Keys are rehashed with the primary pepper only when they are used, because their secrets are not stored. */
export async function findKeysUnderOldPeppers(
  records: RecordStore,
  { peppers, now }: { readonly peppers: Peppers; readonly now: number },
): Promise<readonly { readonly id: string; readonly name: string }[]> {
  const keys = (await records.list(kind)).map(({ doc }) => StoredKey.parse(doc));
  return keys.filter((key) => stateOf(key, now) === 'active' && !key.trust && !peppers.isPrimary(key.pepper));
}

const ended = (): AbortController => {
  const over = new AbortController();
  over.abort();
  return over;
};
const stateOf = ({ revokedAt, expiresAt }: StoredKey, now: number): ApiKeyView['state'] => {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
};
const notIsolated = (what: string) =>
  new AppError(
    'invalid_request',
    `${what}: sandboxes have no isolation here, so users can read each other's files. Install bubblewrap or start Docker.`,
  );
const missing = () => new AppError('not_found', 'There is no such key.');
/** A project key has at most its person's role in the project. */
function withinProject({ id, project }: StoredKey, person: Principal | undefined) {
  if (!project) return {};
  const role = minProjectRole(project.role, person?.projects?.get(project.id) ?? project.role);
  return { owner: id, home: project.id, projects: new Map([[project.id, role]]) };
}

export async function openApiKeys(deps: Deps): Promise<ApiKeys> {
  const { records, clock, ids, shared, hasToken, warn } = deps;
  const entries = new Map<string, Entry>();
  const news = new RecordWatcher(records, kind);
  const closed = new AbortController();
  const anonymous: Principal = { role: 'admin', ended: closed.signal };
  let pepper: Peppers | undefined;
  let timer: unknown;
  let isOver = false;

  const isLive = (entry: Entry) => {
    settle(entry);
    return !entry.over.signal.aborted;
  };
  const view = ({ pepper: _pepper, hash: _hash, ...shown }: StoredKey): ApiKeyView => ({
    ...shown,
    prefix: `crl_${shown.id}`,
    state: stateOf({ ...shown, pepper: '', hash: '' }, clock.now()),
  });

  function know(doc: StoredKey, version: number): Entry {
    const entry = entries.get(doc.id) ?? { doc, version, over: ended(), principal: none, from: undefined };
    Object.assign(entry, { doc, version });
    entries.set(doc.id, entry);
    if (!hasToken) closed.abort();
    settle(entry);
    return entry;
  }
  /** Ends the principal if the key is inactive or its person's rights changed; creates a new one for an active key. */
  function settle(entry: Entry): void {
    const { doc, over } = entry;
    const from = doc.person === null ? undefined : deps.personOf?.(doc.person);
    const hasLost = doc.person !== null && !(from && (!doc.project || from.projects?.has(doc.project.id)));
    const isGone = doc.project !== null && !deps.hasProject?.(doc.project.id);
    const isOver = stateOf(doc, clock.now()) !== 'active' || hasLost || isGone;
    if (isOver || from !== entry.from) over.abort();
    entry.from = from;
    if (isOver || !entry.over.signal.aborted) return;
    entry.over = new AbortController();
    const signals = [entry.over.signal, ...(from?.ended ? [from.ended] : [])];
    const { role, owner, id: key } = doc;
    const rights = {
      ...from,
      ...(from && { isPersonalKey: true as const }),
      role: from ? minRole(role, from.role) : role,
      key,
      ended: combineSignals(signals),
    };
    entry.principal = { ...rights, owner: from?.owner ?? owner, ...(doc.project && withinProject(doc, from)) };
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
        warn({ err }, 'the API keys could not be read from the store; trying again'),
      );
    for (const entry of entries.values()) settle(entry);
    lookLater();
  }
  function lookLater(): void {
    clock.clearTimeout(timer);
    if (!isOver && (shared || entries.size > 0)) timer = clock.setTimeout(() => void look(), recordWatchIntervalMs);
  }

  function use(entry: Entry, presented?: string): void {
    const now = clock.now();
    const { lastUsedAt } = entry.doc;
    if (lastUsedAt !== null && now - lastUsedAt < useEveryMs) return;
    const stored = presented === undefined ? undefined : pepper?.hash(presented);
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
    if (doc.trust === null && !pepper?.knows(doc.pepper)) {
      warn({ key: doc.id }, 'an API key was stored under an encryption key that is not configured; it is rejected');
    }
  }
  lookLater();

  const inTurn = createKeyedQueue(); // queues calls, so that the limit holds even for concurrent calls
  async function add(
    { name, role, expiresAt, beside, person, project = null }: NewKeyRequest,
    id: string,
    by: { key: string } | { trust: TrustRule },
  ) {
    if (shared) await load();
    const now = clock.now();
    if (expiresAt !== undefined && expiresAt <= now) {
      throw new AppError('invalid_request', 'The key would already be expired. Choose a later date.', {
        field: 'expiresAt',
      });
    }
    if (entries.size >= maxKeys) throw new AppError('quota', `There are already ${maxKeys} keys, the maximum.`);
    if (entries.size === 0 && role !== 'admin' && !hasToken) {
      throw new AppError(
        'invalid_request',
        'The first key must have the role admin: from then on requests need a key, and only an admin can create more. ' +
          'Create an admin key first, or set CORRAL_TOKEN.',
        { field: 'role' },
      );
    }
    const from = person === undefined ? undefined : deps.personOf?.(person);
    if (person !== undefined && (!from || minRole(role, from.role) !== role))
      throw new AppError('forbidden', `You have fewer rights than the role ${role}, so your key cannot have it.`, {
        field: 'role',
      });
    if (person !== undefined && project && !from?.projects?.has(project.id))
      throw new AppError('not_found', 'There is no such project.');
    const ownKeys = [...entries.values()].filter((entry) => entry.doc.person === person && isLive(entry));
    if (person !== undefined && ownKeys.length >= maxPersonalKeys)
      throw new AppError('quota', `You already have ${maxPersonalKeys} keys, the maximum. Revoke one of them.`);
    if ('trust' in by && !deps.issuers?.includes(by.trust.issuer)) {
      throw new AppError(
        'invalid_request',
        'This server does not accept tokens of that issuer. Add its address to CORRAL_PROGRAMS_ISSUERS.',
        { field: 'trust.issuer' },
      );
    }
    const other = beside === undefined ? undefined : entries.get(beside);
    if (beside !== undefined && !other) throw missing();
    if (deps.onlyOne && otherOwners(other?.doc.owner).size > 0) throw notIsolated('A second user cannot have a key');
    pepper ??= await deps.peppers();
    const owner = project ? id : (from?.owner ?? other?.doc.owner ?? id);
    const times = { createdAt: now, expiresAt: expiresAt ?? null, lastUsedAt: null, revokedAt: null };
    const shown = 'key' in by ? { trust: null, ...pepper.hash(by.key) } : { ...by, ...strange };
    const doc: StoredKey = { id, name, role, owner, person: person ?? null, project, ...shown, ...times };
    const entry = know(doc, await records.put({ kind, id, doc, sort: now, expect: 0 }));
    lookLater();
    return view(entry.doc);
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
    trusted: () =>
      [...entries.values()].flatMap((entry) =>
        entry.doc.trust && isLive(entry)
          ? [{ rule: entry.doc.trust, principal: entry.principal, used: () => use(entry) }]
          : [],
      ),
    principals: () => [...entries.values()].filter(isLive).map(({ principal }) => principal),
    live(id) {
      const entry = entries.get(id);
      return entry && isLive(entry) ? entry.principal : undefined;
    },

    create: (newKey) =>
      inTurn('', async () => {
        const id = ids.short();
        const key = `crl_${id}_${ids.token()}`;
        return { key, view: await add(newKey, id, { key }) };
      }),
    trust: (newKey, trust) => inTurn('', () => add(newKey, ids.short(), { trust })),
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
