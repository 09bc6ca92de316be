import { z } from 'zod';
import type { RecordStore } from '../core/contracts/ports.ts';
import type { ServerDependencies } from '../core/contracts/server-parts.ts';
import { AppError } from '../core/errors/errors.ts';
import type { IdSource } from '../core/model/ids.ts';
import { parseJson } from '../core/text/json.ts';
import { Collection } from '../storage/collection.ts';
import type { Peppers } from './pepper.ts';

// Worker credentials. Keys do not expire. A signed token is not stored and covers one claim of one work item.

const Maker = z.object({
  key: z.string().optional(),
  seal: z.string().optional(),
  environmentKey: z.string().optional(),
});
type Maker = z.output<typeof Maker>;
const StoredKey = z.object({
  id: z.string(),
  environmentId: z.string(),
  name: z.string(),
  maker: Maker,
  pepper: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  lastUsedAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
});
type StoredKey = z.output<typeof StoredKey>;
type KeyView = Omit<StoredKey, 'maker' | 'pepper' | 'hash'>;

const Claim = z.object({
  environmentId: z.string(),
  sessionId: z.string(),
  number: z.int(),
  claim: z.int(),
  maker: Maker,
  expiresAt: z.number(),
});
export type WorkTokenClaims = z.output<typeof Claim>;

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly peppers: () => Promise<Peppers>;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
}

const kind = 'environment-key';
const keyForm = /^crlenv_([0-9a-f]{12})_[\w-]{43}$/;
const tokenForm = /^(crlwork_([\w-]{1,2000}))\.([0-9a-f]{8})\.([\w-]{43})$/;
export const isWorkerCredential = (text: string): boolean => /^crl(env|work)_/.test(text);
const claimLimits = { maxBytes: 2_048, maxDepth: 4, maxValues: 20 };
const maxKeys = 100; // per environment
const useEveryMs = 60_000;
const tokenLifeMs = 24 * 60 * 60_000;
const missing = () => new AppError('not_found', 'The environment has no such key.');
const revoked = () =>
  new AppError('unauthorized', 'The key of this environment was revoked. Create another one for this worker.');
const strange = { pepper: '', hash: '' };
const view = ({ maker: _, pepper: __, hash: ___, ...shown }: StoredKey): KeyView => shown;

/** A key is rehashed with the primary pepper when its worker uses it. */
export async function findEnvironmentKeysUnderOldPeppers(
  records: RecordStore,
  peppers: Pick<Peppers, 'isPrimary'>,
): Promise<readonly KeyView[]> {
  const keys = (await records.list(kind)).map(({ doc }) => StoredKey.parse(doc));
  return keys.filter(({ revokedAt, pepper }) => revokedAt === null && !peppers.isPrimary(pepper)).map(view);
}

export class EnvironmentKeys {
  readonly #deps: Deps;
  readonly #keys: Collection<StoredKey>;
  #peppers: Promise<Peppers> | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#keys = new Collection<StoredKey>(deps.records, { kind, schema: StoredKey, missing });
  }

  /** Only this result contains the key's secret. Rejects with quota. */
  async create(environmentId: string, { name, maker }: { readonly name: string; readonly maker: Maker }) {
    const { clock, ids } = this.#deps;
    const text = `An environment has at most ${maxKeys} keys. Delete one, or use an existing one.`;
    const id = ids.short();
    const key = `crlenv_${id}_${ids.token()}`;
    const times = { createdAt: clock.now(), lastUsedAt: null, revokedAt: null };
    const doc: StoredKey = { id, environmentId, name, maker, ...(await this.#secret()).hash(key), ...times };
    const quota = { most: maxKeys, text, now: doc.createdAt };
    await this.#keys.within(quota, { id, owner: environmentId }, () => this.#keys.create(doc));
    return { key, view: view(doc) };
  }

  async list(environmentId: string): Promise<readonly KeyView[]> {
    return (await this.#keys.list({ owner: environmentId })).map(view);
  }

  /** Rejects with not_found. */
  async revoke(environmentId: string, id: string): Promise<KeyView> {
    const revokedAt = this.#deps.clock.now();
    const revoked = await this.#keys.change(id, (now) => {
      if (now.environmentId !== environmentId) throw missing();
      return now.revokedAt === null ? { ...now, revokedAt } : now;
    });
    return view(revoked);
  }

  /** Undefined if the key is wrong. Rejects with unauthorized if it was revoked. */
  async find(presented: string): Promise<{ id: string; environmentId: string; maker: Maker } | undefined> {
    const id = keyForm.exec(presented)?.[1];
    if (id === undefined) return undefined;
    const found = await this.#keys.find(id);
    const matches = (await this.#secret()).matches(presented, found?.doc ?? strange);
    if (!found || !matches) return undefined;
    const { doc } = found;
    if (doc.revokedAt !== null) throw revoked();
    await this.#use(doc, { presented, version: found.version });
    const { environmentId, maker } = doc;
    return { id, environmentId, maker };
  }

  /** Undefined if no such key exists. Rejects with unauthorized if the key was revoked. */
  async findMaker(id: string): Promise<Maker | undefined> {
    const doc = (await this.#keys.find(id))?.doc;
    if (doc && doc.revokedAt !== null) throw revoked();
    return doc?.maker;
  }

  async sign(claim: Omit<WorkTokenClaims, 'expiresAt'>): Promise<string> {
    const whole: WorkTokenClaims = { ...claim, expiresAt: this.#deps.clock.now() + tokenLifeMs };
    const text = `crlwork_${Buffer.from(JSON.stringify(whole)).toString('base64url')}`;
    const { pepper, hash } = (await this.#secret()).hash(text);
    return `${text}.${pepper}.${hash}`;
  }

  async verifyClaim(token: string): Promise<WorkTokenClaims | undefined> {
    const [, text, payload = '', pepper = '', hash = ''] = tokenForm.exec(token) ?? [];
    if (text === undefined || !(await this.#secret()).matches(text, { pepper, hash })) return undefined;
    const json = parseJson(Buffer.from(payload, 'base64url').toString(), claimLimits);
    const claim = Claim.safeParse(json.ok ? json.value : undefined).data;
    return claim && claim.expiresAt > this.#deps.clock.now() ? claim : undefined;
  }

  #secret(): Promise<Peppers> {
    this.#peppers ??= this.#deps.peppers();
    return this.#peppers;
  }

  async #use(doc: StoredKey, { presented, version }: { readonly presented: string; readonly version: number }) {
    const { records, clock } = this.#deps;
    const now = clock.now();
    if (doc.lastUsedAt !== null && now - doc.lastUsedAt < useEveryMs) return;
    const stored = (await this.#secret()).hash(presented);
    const used = { ...doc, ...stored, lastUsedAt: now };
    await records.put({ kind, id: doc.id, doc: used, sort: doc.createdAt, expect: version }).catch(() => {});
  }
}
