import { z } from 'zod';
import type { Clock } from '../../../../core/contracts/clock.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { CredentialVault } from '../../../../sessions/api/server/vaults.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { type ApiRoute, createDeleteRoute } from '../route.ts';
import {
  applyMetadataChange,
  Metadata,
  MetadataChange,
  parseInput,
  readListPage,
  toIsoTime,
  toIsoTimeOrNull,
} from '../wire.ts';
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
  created_at: toIsoTime(createdAt),
  updated_at: toIsoTime(updatedAt),
  archived_at: toIsoTimeOrNull(archivedAt),
});

interface Deps {
  readonly services: Pick<Services, 'vaults'>;
  readonly clock: Clock;
}

export function createVaultRoutes({ services: { vaults }, clock }: Deps): ApiRoute[] {
  return [
    {
      endpoint: 'POST /v1/vaults',
      least: 'create',
      async run({ body }) {
        const { display_name: name, metadata } = parseInput(NewVault, body);
        return toVault(await vaults.create({ displayName: name, metadata: metadata ?? {} }));
      },
    },
    {
      endpoint: 'GET /v1/vaults',
      async run({ query }) {
        const read = async () => (await vaults.list()).filter(query.shows);
        return await readListPage({ query, name: 'vaults', read, show: toVault });
      },
    },
    { endpoint: 'GET /v1/vaults/:id', run: async ({ params: { id = '' } }) => toVault(await vaults.get(id)) },
    {
      endpoint: 'POST /v1/vaults/:id',
      async run({ params: { id = '' }, body }) {
        const { display_name: name, metadata } = parseInput(VaultChange, body);
        return toVault(
          await vaults.update(id, (now) => ({
            displayName: name ?? now.displayName,
            metadata: metadata ? applyMetadataChange(now.metadata, metadata) : now.metadata,
          })),
        );
      },
    },
    {
      endpoint: 'POST /v1/vaults/:id/archive',
      run: async ({ params: { id = '' } }) => toVault(await vaults.archive(id)),
    },
    createDeleteRoute('DELETE /v1/vaults/:id', 'vault_deleted', (id) => vaults.delete(id)),
    {
      endpoint: 'POST /v1/vaults/:id/credentials',
      async run({ params: { id = '' }, body }) {
        const credential = toNewCredential(parseInput(NewCredentialBody, body), clock.now());
        return toCredential(await vaults.addCredential(id, credential));
      },
    },
    {
      endpoint: 'GET /v1/vaults/:id/credentials',
      async run({ params: { id = '' }, query }) {
        const read = async () => (await vaults.credentials(id)).filter(query.shows);
        return await readListPage({ query, name: `credentials ${id}`, read, show: toCredential });
      },
    },
    {
      endpoint: 'GET /v1/vaults/:id/credentials/:credential',
      run: async ({ params: { id = '', credential = '' } }) => toCredential(await vaults.credential(id, credential)),
    },
    {
      endpoint: 'POST /v1/vaults/:id/credentials/:credential',
      async run({ params: { id = '', credential = '' }, body }) {
        const input = parseInput(CredentialChangeBody, body);
        return toCredential(
          await vaults.changeCredential(id, credential, (now) => applyCredentialChange(now, input, clock.now())),
        );
      },
    },
    {
      endpoint: 'POST /v1/vaults/:id/credentials/:credential/archive',
      run: async ({ params: { id = '', credential = '' } }) =>
        toCredential(await vaults.archiveCredential(id, credential)),
    },
    {
      endpoint: 'DELETE /v1/vaults/:id/credentials/:credential',
      async run({ params: { id = '', credential = '' } }) {
        await vaults.deleteCredential(id, credential);
        return { id: credential, type: 'vault_credential_deleted' as const };
      },
    },
    {
      endpoint: 'POST /v1/vaults/:id/credentials/:credential/mcp_oauth_validate',
      async run({ params: { id = '', credential = '' }, reply }) {
        const trial = await vaults.tryCredential(id, credential, abortOnDisconnect(reply));
        return toCredentialValidation({ id: credential, vaultId: id }, trial);
      },
    },
  ];
}
