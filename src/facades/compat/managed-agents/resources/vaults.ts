import { z } from 'zod';
import type { Clock } from '../../../../core/contracts/clock.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { CredentialVault } from '../../../../sessions/api/server/vaults.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { type ApiRoutes, createDeleteHandler } from '../route.ts';
import { applyMetadataChange, Metadata, MetadataChange, parseInput, readListPage, toApiTimes } from '../wire.ts';
import {
  applyCredentialChange,
  CredentialChangeBody,
  NewCredentialBody,
  toCredential,
  toCredentialValidation,
  toNewCredential,
} from './credential-shapes.ts';

const displayName = z.string().min(1).max(255);
const NewVault = z.strictObject({ display_name: displayName, metadata: Metadata.nullable().optional() });
const VaultChange = z.strictObject({
  display_name: displayName.nullable().optional(),
  metadata: MetadataChange.nullable().optional(),
});

export const toVault = ({ id, displayName: name, metadata, createdAt, updatedAt, archivedAt }: CredentialVault) => ({
  id,
  type: 'vault' as const,
  display_name: name,
  metadata,
  ...toApiTimes({ createdAt, updatedAt, archivedAt }),
});

interface Deps {
  readonly services: Pick<Services, 'vaults'>;
  readonly clock: Clock;
}

export function createVaultRoutes({ services: { vaults }, clock }: Deps): ApiRoutes {
  return {
    'POST /v1/vaults': {
      least: 'create',
      async run({ body }) {
        const { display_name: name, metadata } = parseInput(NewVault, body);
        return toVault(await vaults.create({ displayName: name, metadata: metadata ?? {} }));
      },
    },
    async 'GET /v1/vaults'({ query }) {
      const read = async () => (await vaults.list()).filter(query.shows);
      return await readListPage({ query, name: 'vaults', read, show: toVault });
    },
    'GET /v1/vaults/:id': async ({ params: { id = '' } }) => toVault(await vaults.get(id)),
    async 'POST /v1/vaults/:id'({ params: { id = '' }, body }) {
      const { display_name: name, metadata } = parseInput(VaultChange, body);
      return toVault(
        await vaults.update(id, (now) => ({
          displayName: name ?? now.displayName,
          metadata: metadata ? applyMetadataChange(now.metadata, metadata) : now.metadata,
        })),
      );
    },
    'POST /v1/vaults/:id/archive': async ({ params: { id = '' } }) => toVault(await vaults.archive(id)),
    'DELETE /v1/vaults/:id': createDeleteHandler('vault_deleted', (id) => vaults.delete(id)),
    async 'POST /v1/vaults/:id/credentials'({ params: { id = '' }, body }) {
      const credential = toNewCredential(parseInput(NewCredentialBody, body), clock.now());
      return toCredential(await vaults.addCredential(id, credential));
    },
    async 'GET /v1/vaults/:id/credentials'({ params: { id = '' }, query }) {
      const read = async () => (await vaults.credentials(id)).filter(query.shows);
      return await readListPage({ query, name: `credentials ${id}`, read, show: toCredential });
    },
    'GET /v1/vaults/:id/credentials/:credential': async ({ params: { id = '', credential = '' } }) =>
      toCredential(await vaults.credential(id, credential)),
    async 'POST /v1/vaults/:id/credentials/:credential'({ params: { id = '', credential = '' }, body }) {
      const input = parseInput(CredentialChangeBody, body);
      return toCredential(
        await vaults.changeCredential(id, credential, (now) => applyCredentialChange(now, input, clock.now())),
      );
    },
    'POST /v1/vaults/:id/credentials/:credential/archive': async ({ params: { id = '', credential = '' } }) =>
      toCredential(await vaults.archiveCredential(id, credential)),
    async 'DELETE /v1/vaults/:id/credentials/:credential'({ params: { id = '', credential = '' } }) {
      await vaults.deleteCredential(id, credential);
      return { id: credential, type: 'vault_credential_deleted' as const };
    },
    async 'POST /v1/vaults/:id/credentials/:credential/mcp_oauth_validate'({
      params: { id = '', credential = '' },
      reply,
    }) {
      const trial = await vaults.tryCredential(id, credential, abortOnDisconnect(reply));
      return toCredentialValidation({ id: credential, vaultId: id }, trial);
    },
  };
}
