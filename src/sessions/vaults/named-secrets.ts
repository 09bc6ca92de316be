import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue, type Vault } from '../../core/contracts/vault.ts';
import { AppError, unlessConflict } from '../../core/errors/errors.ts';
import { namedSecretKind as kind } from '../../core/model/records.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { NamedSecret, SecretService } from '../api/server/secrets.ts';
import { refuseUnfit } from '../projects/credentials.ts';
import { sealedRecords } from '../projects/sealed-records.ts';

const Stored = z.object({
  id: z.string(),
  owner: z.string().optional(),
  name: z.string(),
  version: z.int(),
  metadata: z.record(z.string(), z.string()),
  sealed: SealedValue,
  createdAt: z.number(),
  updatedAt: z.number(),
});
interface Deps {
  readonly records: RecordStore;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Called with each value before its first use, so that the logger can mask it. */
  readonly learn: (value: Secret) => void;
}
const mostOfOwner = 500;
const missing = () => new AppError('not_found', 'There is no such secret.');

/** The id follows from owner and name, so that two servers cannot give a name twice. */
const idOf = (name: string, owner = '') =>
  `sec_${createHash('sha256')
    .update(JSON.stringify([owner, name]))
    .digest('hex')
    .slice(0, 24)}`;

/** The secrets of programs, sealed in the records of the store. */
export class NamedSecrets {
  readonly service: SecretService;
  readonly #inTurn = keyedQueue();
  readonly #deps: Deps;
  readonly #sealing: ReturnType<typeof sealedRecords>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#sealing = sealedRecords({ records: deps.records, vault: deps.vault, kind, field: 'value' });
    this.service = {
      list: (owner) => this.#list(owner),
      get: async (id) => shown((await this.#stored(id)).doc),
      find: (idOrName, owner) => this.#find(idOrName, owner),
      create: (secret) => this.#inTurn(secret.owner ?? '', () => this.#create(secret)),
      replace: (id, value, metadata) => this.#replace(id, value, metadata),
      delete: async (id) => {
        await this.#stored(id);
        await deps.records.delete(kind, id);
      },
    };
  }

  /** Rejects: not_found (it was deleted), store_corrupt. */
  async value(id: string): Promise<Secret> {
    const { doc } = await this.#stored(id);
    const value = this.#sealing.open(id, doc.sealed);
    this.#deps.learn(value); // another server may have stored it
    return value;
  }

  verify(): Promise<void> {
    return this.#sealing.verify('The secrets of programs');
  }

  rotate() {
    return this.#sealing.rotate();
  }

  async #stored(id: string) {
    const found = await this.#record(id);
    if (!found) throw missing();
    return found;
  }

  async #record(id: string) {
    const found = /^sec_[0-9a-f]{24}$/.test(id) ? await this.#deps.records.get(kind, id) : undefined;
    return found && { doc: Stored.parse(found.doc), version: found.version };
  }

  async #list(owner?: string): Promise<readonly NamedSecret[]> {
    const all = (await this.#deps.records.list(kind)).map(({ doc }) => Stored.parse(doc));
    return all
      .filter((one) => owner === undefined || one.owner === owner)
      .sort((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? -1 : 1))
      .map(shown);
  }

  async #find(idOrName: string, owner?: string): Promise<NamedSecret> {
    const { doc } = (await this.#record(idOrName)) ?? (await this.#stored(idOf(idOrName.toLowerCase(), owner)));
    return shown(doc);
  }

  async #create({ name: given, value, metadata, owner }: Parameters<SecretService['create']>[0]) {
    const { records, clock, learn } = this.#deps;
    refuseUnfit(value);
    const own = (await this.#list()).filter((one) => one.owner === owner);
    if (own.length >= mostOfOwner)
      throw new AppError('quota', `There are ${mostOfOwner} secrets already. Delete some first.`);
    learn(value);
    const now = clock.now();
    const name = given.toLowerCase();
    const id = idOf(name, owner);
    const facts = { id, name, version: 1, metadata: { ...metadata }, createdAt: now, updatedAt: now };
    const doc = { ...facts, ...(owner !== undefined && { owner }), sealed: this.#sealing.seal(id, value) };
    if ((await records.put({ kind, id, doc, sort: now, expect: 0 }).catch(unlessConflict)) === undefined)
      throw new AppError('conflict', `There is a secret ${name} already. Give it a new value, or delete it first.`);
    return shown(doc);
  }

  async #replace(id: string, value: Secret, metadata?: Readonly<Record<string, string>>): Promise<NamedSecret> {
    const { records, clock, learn } = this.#deps;
    refuseUnfit(value);
    learn(value);
    for (;;) {
      const { doc: before, version } = await this.#stored(id);
      const doc = {
        ...before,
        version: before.version + 1,
        ...(metadata && { metadata: { ...metadata } }),
        sealed: this.#sealing.seal(id, value),
        updatedAt: clock.now(),
      };
      const put = { kind, id, doc, sort: doc.createdAt, expect: version };
      if ((await records.put(put).catch(unlessConflict)) !== undefined) return shown(doc);
    }
  }
}

const shown = ({ sealed: _, ...rest }: z.output<typeof Stored>): NamedSecret => rest;
