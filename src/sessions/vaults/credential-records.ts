import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import { canUseResource, type ResourceOwnership } from '../../core/model/access/holder.ts';
import { vaultCredentialKind as kind, vaultKind } from '../../core/model/records.ts';
import type { SessionVaults } from '../../core/model/tool-server.ts';
import { parseJsonWithinLimits } from '../../core/text/json.ts';
import { Secret } from '../../core/text/secret.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import { changeRecordWithResult } from '../../storage/collection.ts';
import {
  type CredentialAuth,
  type CredentialSecrets,
  type EnvironmentVariableAuth,
  VaultCredential,
} from '../api/server/vaults.ts';
import { createSealedRecordStore } from '../projects/sealed-records.ts';

const Stored = VaultCredential.extend({
  /** JSON; an empty object once the credential is archived. */
  sealed: SealedValue,
});
const Opened = z.object({
  token: z.string(),
  refreshToken: z.string().optional(),
  clientSecret: z.string().optional(),
});

const secretLimits = { maxBytes: 128 * 1024, maxDepth: 2, maxValues: 10 };

export interface StoredCredential {
  readonly credential: VaultCredential;
  readonly recordId: string;
  readonly version: number;
}
export interface VaultVariable extends EnvironmentVariableAuth {
  readonly id: string;
  readonly vaultId: string;
  /** Rejects: not_found (archived or deleted). */
  readonly value: () => Promise<Secret>;
}
interface Deps {
  readonly records: RecordStore;
  readonly vault: SecretSealer;
  readonly learn: (secret: Secret) => void;
}

/** Ignores the case of the scheme and host, a default port, and trailing slashes. */
export function toUrlLookupKey(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${trimEndCharacters(pathname, '/')}${search}`;
}
/** A vault has at most one active credential for each URL or variable. */
const activeId = (vaultId: string, key: string) =>
  `${vaultId}:for-${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
const keyOf = (auth: CredentialAuth) =>
  auth.type === 'environment_variable' ? `variable ${auth.secretName}` : toUrlLookupKey(auth.mcpServerUrl);
const archivedId = ({ vaultId, id }: VaultCredential) => `${vaultId}:${id}`;

export class CredentialRecords extends ServerComponent<Deps> {
  readonly #sealing = createSealedRecordStore({ ...this.deps, kind, field: 'secrets' });

  /** Rejects: invalid_request if a required encryption key is not configured. */
  verify = () => this.#sealing.verify('The credentials of vaults');
  rotate = () => this.#sealing.rotate();

  async list(vaultId: string): Promise<readonly StoredCredential[]> {
    const found = await this.deps.records.list(kind, { idPrefix: `${vaultId}:` });
    const all = found.map(({ id, doc, version }) => ({ credential: shown(doc), recordId: id, version }));
    // During archiving, a credential may be listed twice. The archived record takes precedence.
    const ended = new Set(all.flatMap(({ credential }) => (credential.archivedAt === null ? [] : [credential.id])));
    return all
      .filter(({ credential: { id, archivedAt } }) => archivedAt !== null || !ended.has(id))
      .sort((a, b) => b.credential.createdAt - a.credential.createdAt);
  }
  async find(vaultId: string, id: string): Promise<StoredCredential> {
    const found = (await this.list(vaultId)).find(({ credential }) => credential.id === id);
    if (!found) throw new AppError('not_found', 'The vault has no such credential.');
    return found;
  }
  async findFor(vaultId: string, url: string): Promise<StoredCredential | undefined> {
    const recordId = activeId(vaultId, toUrlLookupKey(url));
    const found = await this.deps.records.get(kind, recordId);
    return found && { credential: shown(found.doc), recordId, version: found.version };
  }
  /** If several vaults define a variable, the first vault's value is used. */
  async readVariables({ ids, session }: SessionVaults): Promise<readonly VaultVariable[]> {
    const found = new Map<string, VaultVariable>();
    for (const vault of ids) {
      const holder = (await this.deps.records.get(vaultKind, vault))?.doc as ResourceOwnership | undefined;
      if (!holder || !canUseResource(session, holder)) continue;
      for (const at of await this.list(vault)) {
        const { auth, archivedAt, id } = at.credential;
        if (auth.type !== 'environment_variable' || archivedAt !== null || found.has(auth.secretName)) continue;
        found.set(auth.secretName, {
          ...auth,
          id,
          vaultId: vault,
          value: async () => (await this.readSecrets(at)).token,
        });
      }
    }
    return [...found.values()];
  }
  /** Rejects: not_found (archived or deleted). */
  async readSecrets({ recordId }: StoredCredential): Promise<CredentialSecrets> {
    const found = await this.deps.records.get(kind, recordId);
    if (!found) throw gone();
    return this.#secretsIn(recordId, found.doc);
  }
  #secretsIn(recordId: string, doc: unknown): CredentialSecrets {
    const text = this.#sealing.open(recordId, Stored.parse(doc).sealed).reveal();
    const opened = Opened.safeParse(parseJsonWithinLimits(text, secretLimits)).data;
    if (!opened) throw new AppError('not_found', 'The credential no longer has secrets.');
    const { token, refreshToken, clientSecret } = opened;
    const secrets = {
      token: new Secret(token),
      ...(refreshToken !== undefined && { refreshToken: new Secret(refreshToken) }),
      ...(clientSecret !== undefined && { clientSecret: new Secret(clientSecret) }),
    };
    this.#learnAll(secrets);
    return secrets;
  }

  /** Rejects: conflict (the vault has an active credential for this tool server or variable). */
  async add(credential: VaultCredential, secrets: CredentialSecrets): Promise<void> {
    const recordId = activeId(credential.vaultId, keyOf(credential.auth));
    await this.#put({ recordId, credential, secrets, expect: 0 });
  }
  /** Rejects: conflict (changed concurrently). */
  async change({ recordId, version }: StoredCredential, next: VaultCredential, secrets: CredentialSecrets) {
    await this.#put({ recordId, credential: next, secrets, expect: version });
  }
  /** Rejects: not_found (archived or deleted). */
  async edit(
    { recordId, credential: { id } }: StoredCredential,
    edit: (now: VaultCredential) => {
      readonly credential: VaultCredential;
      readonly secrets?: Partial<CredentialSecrets> | undefined;
    },
  ): Promise<VaultCredential> {
    return await changeRecordWithResult(this.deps.records, { kind, id: recordId }, (found) => {
      if (!found || shown(found.doc).id !== id) throw gone();
      const { credential, secrets } = edit(shown(found.doc));
      const all = { ...this.#secretsIn(recordId, found.doc), ...secrets };
      return { value: credential, ...this.#sealed(recordId, credential, all) };
    });
  }
  /** Erases the secrets but keeps the rest of the credential. */
  async archive(credential: VaultCredential, at: number): Promise<VaultCredential> {
    const ended = { ...credential, updatedAt: at, archivedAt: at };
    const own = archivedId(credential);
    await this.#put({ recordId: own, credential: ended, secrets: undefined });
    await this.#deleteAs(credential, (id) => id !== own);
    return ended;
  }
  async delete(credential: VaultCredential): Promise<void> {
    await this.#deleteAs(credential, () => true);
  }
  async deleteAll(vaultId: string): Promise<void> {
    for (const { id } of await this.deps.records.list(kind, { idPrefix: `${vaultId}:` }))
      await this.deps.records.delete(kind, id);
  }

  async #deleteAs({ vaultId, id }: VaultCredential, isMeant: (recordId: string) => boolean): Promise<void> {
    for (const found of await this.deps.records.list(kind, { idPrefix: `${vaultId}:` }))
      if (shown(found.doc).id === id && isMeant(found.id)) await this.deps.records.delete(kind, found.id);
  }
  async #put({ recordId, credential, secrets, expect }: CredentialPut): Promise<void> {
    const put = { kind, id: recordId, ...this.#sealed(recordId, credential, secrets) };
    await this.deps.records.put({ ...put, ...(expect !== undefined && { expect }) });
  }
  #sealed(recordId: string, credential: VaultCredential, secrets: CredentialSecrets | undefined) {
    if (secrets) this.#learnAll(secrets);
    const text = JSON.stringify({
      token: secrets?.token.reveal(),
      refreshToken: secrets?.refreshToken?.reveal(),
      clientSecret: secrets?.clientSecret?.reveal(),
    });
    const sealed = this.#sealing.seal(recordId, new Secret(text));
    return { doc: { ...credential, sealed }, sort: credential.createdAt };
  }
  #learnAll({ token, refreshToken, clientSecret }: CredentialSecrets): void {
    for (const secret of [token, refreshToken, clientSecret]) if (secret) this.deps.learn(secret);
  }
}
interface CredentialPut {
  readonly recordId: string;
  readonly credential: VaultCredential;
  readonly secrets: CredentialSecrets | undefined;
  readonly expect?: number;
}

const gone = () => new AppError('not_found', 'The credential no longer exists.');

function shown(doc: unknown): VaultCredential {
  const { sealed: _, ...credential } = Stored.parse(doc);
  return credential;
}
