import type { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import {
  canUseResource,
  type ResourceOwnership,
  selectPreferredResource,
  toHolderKey,
} from '../../core/model/access/holder.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { namedSecretKind as kind } from '../../core/model/records.ts';
import type { Secret } from '../../core/text/secret.ts';
import { Collection } from '../../storage/collection.ts';
import { NamedSecret, type SecretService } from '../api/server/secrets.ts';
import { assertUsableSecret } from '../projects/credentials.ts';
import { createSealedRecordStore } from '../projects/sealed-records.ts';

const Stored = NamedSecret.extend({ sealed: SealedValue });
type StoredSecret = z.output<typeof Stored>;
interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly vault: SecretSealer;
  readonly ids: Pick<IdSource, 'short'>;
  /** Called with each value before its first use, to mask it in logs. */
  readonly learn: (value: Secret) => void;
}
const mostOfOwner = 500;
const secretId = /^sec_[0-9a-f]{24}$/;
const missing = () => new AppError('not_found', 'There is no such secret.');

export class NamedSecretStore extends ServerComponent<Deps> {
  readonly service: SecretService = {
    list: async (owner, parents) => (await this.#secrets.listFor(owner, { parents })).map(shown),
    get: async (id) => shown(await this.#stored(id)),
    find: (idOrName, owner, projects) => this.#find(idOrName, owner, projects),
    create: (secret) => this.#create(secret),
    replace: (id, value, metadata) => this.#replace(id, value, metadata),
    delete: async (id) => {
      await this.#stored(id);
      await this.#secrets.delete(id);
    },
  };
  readonly #secrets = new Collection<StoredSecret>(this.deps.records, { kind, schema: Stored, missing });
  readonly #sealing = createSealedRecordStore({ ...this.deps, kind, field: 'value' });

  /** Rejects: not_found (the secret was deleted, or this session cannot use it), store_corrupt. */
  async value(id: string, session: ResourceOwnership): Promise<Secret> {
    const stored = await this.#stored(id);
    if (!canUseResource(session, stored)) throw missing();
    const value = this.#sealing.open(id, stored.sealed);
    this.deps.learn(value);
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

  async #find(idOrName: string, owner?: string, parents?: readonly string[]): Promise<NamedSecret> {
    const byId = secretId.test(idOrName) ? (await this.#secrets.find(idOrName))?.doc : undefined;
    if (byId) return shown(byId);
    const all = owner === undefined ? this.#secrets.listHeldBy({}) : this.#secrets.listFor(owner, { parents });
    const found = selectPreferredResource((await all).filter(({ name }) => name === idOrName.toLowerCase()));
    if (!found) throw missing();
    return shown(found);
  }

  async #create({ name: input, value, metadata, owner, projectId }: Parameters<SecretService['create']>[0]) {
    const { clock, ids, learn } = this.deps;
    assertUsableSecret(value);
    learn(value);
    const now = clock.now();
    const name = input.toLowerCase();
    const id = `sec_${ids.short()}${ids.short()}`;
    const facts = { id, name, version: 1, metadata: { ...metadata }, createdAt: now, updatedAt: now };
    const holder = { ...(owner !== undefined && { owner }), ...(projectId && { projectId }) };
    const doc = { ...facts, ...holder, sealed: this.#sealing.seal(id, value) };
    const admit = (others: readonly StoredSecret[]) => {
      if (others.some((one) => one.name === name && toHolderKey(one) === toHolderKey(doc)))
        throw new AppError('conflict', `The secret ${name} already exists. Set a new value, or delete it first.`);
      if (others.filter((one) => one.owner === owner).length >= mostOfOwner)
        throw new AppError('quota', `There are already ${mostOfOwner} secrets. Delete some first.`);
    };
    return shown(await this.#secrets.admitted({ admit, now }, doc, () => this.#secrets.create(doc)));
  }

  async #replace(id: string, value: Secret, metadata?: Readonly<Record<string, string>>): Promise<NamedSecret> {
    const { clock, learn } = this.deps;
    assertUsableSecret(value);
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
