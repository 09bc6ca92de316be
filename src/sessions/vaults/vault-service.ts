import { withSequentialCalls } from '../../core/concurrency/keyed-queue.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { vaultKind as kind } from '../../core/model/records.ts';
import { Collection } from '../../storage/collection.ts';
import { CredentialVault, type VaultCredential, type VaultDetails, type VaultService } from '../api/server/vaults.ts';
import type { CredentialRecords } from './credential-records.ts';
import type { McpTokenProvider } from './mcp-tokens.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly credentials: CredentialRecords;
  readonly tokens: Pick<McpTokenProvider, 'try'>;
  readonly ids: Pick<IdSource, 'short'>;
}
const mostOfOwner = 1_000;
const mostInVault = 20;
const missing = () => new AppError('not_found', 'There is no such vault.');
const archived = (what: string) =>
  new AppError('invalid_request', `The ${what} is archived and cannot be changed. Create a new one.`);

export function createVaultService({ records, credentials, tokens, clock, ids }: Deps): VaultService {
  const newId = (prefix: string) => `${prefix}_${ids.short()}${ids.short()}`;

  const vaults = new Collection<CredentialVault>(records, {
    kind,
    schema: CredentialVault,
    missing,
  });
  const stored = async (id: string) => {
    if (!/^vlt_[0-9a-f]{24}$/.test(id)) throw missing();
    return await vaults.get(id);
  };
  const open = async (id: string) => {
    if ((await stored(id)).archivedAt !== null) throw archived('vault');
  };
  const found = async (id: string, credential: string) => {
    await stored(id);
    return await credentials.find(id, credential);
  };
  const service: VaultService = {
    list: (owner, parents) => vaults.listFor(owner, { parents }),
    async create({ displayName, metadata, owner, projectId }) {
      const now = clock.now();
      const vault: CredentialVault = {
        id: newId('vlt'),
        ...(owner !== undefined && { owner }),
        ...(projectId && { projectId }),
        displayName,
        metadata,
        createdAt: now,
        updatedAt: now,
        archivedAt: null,
      };
      const text = `There are already ${mostOfOwner} vaults. Delete some first.`;
      return await vaults.create(vault, { most: mostOfOwner, text, now });
    },
    get: stored,
    update: (id, change) =>
      vaults.change(id, (now) => {
        if (now.archivedAt !== null) throw archived('vault');
        const { displayName, metadata }: VaultDetails = change(now);
        return { ...now, displayName, metadata, updatedAt: clock.now() };
      }),
    async archive(id) {
      const at = clock.now();
      const vault = await vaults.change(id, (now) =>
        now.archivedAt === null ? { ...now, updatedAt: at, archivedAt: at } : now,
      );
      for (const { credential } of await credentials.list(id))
        if (credential.archivedAt === null) await credentials.archive(credential, at);
      return vault;
    },
    async delete(id) {
      await stored(id);
      await credentials.deleteAll(id);
      await vaults.delete(id);
    },

    async credentials(id) {
      await stored(id);
      return (await credentials.list(id)).map(({ credential }) => credential);
    },
    credential: async (id, credential) => (await found(id, credential)).credential,
    async addCredential(id, { displayName, metadata, auth, secrets }) {
      await open(id);
      const active = (await credentials.list(id)).filter(({ credential }) => credential.archivedAt === null);
      if (active.length >= mostInVault)
        throw new AppError('quota', `The vault already has ${mostInVault} credentials. Archive or delete some first.`);
      const now = clock.now();
      const times = { createdAt: now, updatedAt: now, archivedAt: null };
      const credential: VaultCredential = { id: newId('vcrd'), vaultId: id, displayName, metadata, auth, ...times };
      const isFree = await credentials.add(credential, secrets).then(() => true, ignoreConflict);
      if (!isFree)
        throw new AppError(
          'conflict',
          `The vault already has a credential for ${auth.type === 'environment_variable' ? auth.secretName : auth.mcpServerUrl}. Change that one, or archive it first.`,
        );
      try {
        await open(id); // the vault may have been archived or deleted in the meantime
      } catch (thrown) {
        await credentials.delete(credential);
        throw thrown;
      }
      return credential;
    },
    async changeCredential(id, credentialId, change) {
      return await credentials.edit(await found(id, credentialId), (now) => {
        if (now.archivedAt !== null) throw archived('credential');
        const { secrets, ...facts } = change(now);
        return { credential: { ...now, ...facts, updatedAt: clock.now() }, secrets };
      });
    },
    async archiveCredential(id, credentialId) {
      const { credential } = await found(id, credentialId);
      if (credential.archivedAt !== null) return credential;
      return await credentials.archive(credential, clock.now());
    },
    async deleteCredential(id, credentialId) {
      await credentials.delete((await found(id, credentialId)).credential);
    },
    async tryCredential(id, credentialId, signal) {
      const at = await found(id, credentialId);
      if (at.credential.archivedAt !== null) throw archived('credential');
      return await tokens.try(at, signal);
    },
  };
  return withSequentialCalls(service, 'create', 'addCredential');
}
