import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SealedValue, type Vault } from '../../core/contracts/vault.ts';
import { AppError, unlessConflict } from '../../core/errors/errors.ts';
import { namedSecretKind as kind } from '../../core/model/records.ts';
import type { Secret } from '../../core/text/secret.ts';
import { Collection } from '../../storage/collection.ts';
import { NamedSecret, type SecretService } from '../api/server/secrets.ts';
import { refuseUnfit } from '../projects/credentials.ts';
import { sealedRecords } from '../projects/sealed-records.ts';

const Stored = NamedSecret.extend({ sealed: SealedValue });
type StoredSecret = z.output<typeof Stored>;
interface Deps {
  readonly records: RecordStore;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Called with each value before its first use, so that the logger can mask it. */
  readonly learn: (value: Secret) => void;
}
const mostOfOwner = 500;
const secretId = /^sec_[0-9a-f]{24}$/;
const missing = () => new AppError('not_found', 'There is no such secret.');

/** Derived from owner and name, so that two servers cannot both use a name. */
const idOf = (name: string, owner = '') =>
  `sec_${createHash('sha256')
    .update(JSON.stringify([owner, name]))
    .digest('hex')
    .slice(0, 24)}`;

/** Secrets of API clients, encrypted in records. */
export class NamedSecrets {
  readonly service: SecretService;
  readonly #secrets: Collection<StoredSecret>;
  readonly #deps: Deps;
  readonly #sealing: ReturnType<typeof sealedRecords>;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#secrets = new Collection<StoredSecret>(deps.records, {
      kind,
      schema: Stored,
      missing,
    });
    this.#sealing = sealedRecords({ records: deps.records, vault: deps.vault, kind, field: 'value' });
    this.service = {
      list: (owner) => this.#list(owner),
      get: async (id) => shown(await this.#stored(id)),
      find: (idOrName, owner) => this.#find(idOrName, owner),
      create: (secret) => this.#create(secret),
      replace: (id, value, metadata) => this.#replace(id, value, metadata),
      delete: async (id) => {
        await this.#stored(id);
        await this.#secrets.delete(id);
      },
    };
  }

  /** Rejects: not_found (deleted), store_corrupt. */
  async value(id: string): Promise<Secret> {
    const { sealed } = await this.#stored(id);
    const value = this.#sealing.open(id, sealed);
    this.#deps.learn(value); // another server may have stored the secret
    return value;
  }

  verify(): Promise<void> {
    return this.#sealing.verify('The secrets of programs');
  }

  rotate() {
    return this.#sealing.rotate();
  }

  async #stored(id: string): Promise<StoredSecret> {
    if (!secretId.test(id)) throw missing();
    return await this.#secrets.get(id);
  }

  async #list(owner?: string): Promise<readonly NamedSecret[]> {
    return (await this.#secrets.listFor(owner)).map(shown);
  }

  async #find(idOrName: string, owner?: string): Promise<NamedSecret> {
    const byId = secretId.test(idOrName) ? (await this.#secrets.find(idOrName))?.doc : undefined;
    return shown(byId ?? (await this.#stored(idOf(idOrName.toLowerCase(), owner))));
  }

  async #create({ name: input, value, metadata, owner }: Parameters<SecretService['create']>[0]) {
    const { clock, learn } = this.#deps;
    refuseUnfit(value);
    learn(value);
    const now = clock.now();
    const name = input.toLowerCase();
    const id = idOf(name, owner);
    const facts = { id, name, version: 1, metadata: { ...metadata }, createdAt: now, updatedAt: now };
    const doc = { ...facts, ...(owner !== undefined && { owner }), sealed: this.#sealing.seal(id, value) };
    const text = `There are ${mostOfOwner} secrets already. Delete some first.`;
    if (!(await this.#secrets.create(doc, { most: mostOfOwner, text, now }).catch(unlessConflict)))
      throw new AppError('conflict', `The secret ${name} already exists. Set a new value, or delete it first.`);
    return shown(doc);
  }

  async #replace(id: string, value: Secret, metadata?: Readonly<Record<string, string>>): Promise<NamedSecret> {
    const { clock, learn } = this.#deps;
    refuseUnfit(value);
    learn(value);
    const replaced = await this.#secrets.change(id, (before) => ({
      ...before,
      version: before.version + 1,
      ...(metadata && { metadata: { ...metadata } }),
      sealed: this.#sealing.seal(id, value),
      updatedAt: clock.now(),
    }));
    return shown(replaced);
  }
}

const shown = ({ sealed: _, ...rest }: StoredSecret): NamedSecret => rest;
