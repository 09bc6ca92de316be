import { z } from 'zod';
import type { EnvironmentKey } from '../../../../sessions/api/server/work-queue.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { FacadeParts } from '../../../shared/facade.ts';
import type { ApiRoutes } from '../route.ts';
import { parseInput, readListPage, toIsoTime, toIsoTimeOrNull } from '../wire.ts';
import { findCredentialIssuer } from './access.ts';
import { requireQueueId } from './routes.ts';

type KeyDeps = Pick<FacadeParts, 'credentials'> & { readonly services: Pick<Services, 'documents' | 'workQueue'> };
const NewKey = z.strictObject({ name: z.string().min(1).max(100) });

const toKey = ({ id, environmentId, name, createdAt, lastUsedAt, revokedAt }: EnvironmentKey) => ({
  id,
  type: 'environment_key' as const,
  environment_id: environmentId,
  name,
  created_at: toIsoTime(createdAt),
  last_used_at: toIsoTimeOrNull(lastUsedAt),
  revoked_at: toIsoTimeOrNull(revokedAt),
});

/** The hosted API has no such routes, because its console creates the keys of workers. */
export function createEnvironmentKeyRoutes({ services: { documents, workQueue }, credentials }: KeyDeps): ApiRoutes {
  return {
    async 'POST /v1/environments/:id/keys'(apiRequest) {
      const { name } = parseInput(NewKey, apiRequest.body);
      const environment = await requireQueueId(documents, apiRequest.params.id ?? '');
      const { key, view } = await workQueue.createKey(environment, {
        name,
        maker: findCredentialIssuer(apiRequest, credentials),
      });
      return { ...toKey(view), key };
    },
    async 'GET /v1/environments/:id/keys'({ params, query }) {
      const environment = await requireQueueId(documents, params.id ?? '');
      const read = () => workQueue.keys(environment);
      return await readListPage({ query, name: `keys ${environment}`, read, show: toKey });
    },
    'DELETE /v1/environments/:id/keys/:key': async ({ params }) =>
      toKey(await workQueue.revokeKey(await requireQueueId(documents, params.id ?? ''), params.key ?? '')),
  };
}
