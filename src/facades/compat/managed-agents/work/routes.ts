import { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { CredentialIssuer, EnvironmentKey, WorkItem } from '../../../../sessions/api/server/work-queue.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { invalidRequestError, ManagedAgentsError } from '../errors.ts';
import { readDocument } from '../resources/agent-content.ts';
import { EnvironmentContent } from '../resources/environments.ts';
import type { ApiRequest, ApiRoutes } from '../route.ts';
import { toApiSessionId } from '../sessions/ids.ts';
import {
  applyMetadataChange,
  MetadataChange,
  parseInput,
  parseQueryTime,
  readListPage,
  toIsoTime,
  toIsoTimeOrNull,
} from '../wire.ts';
import { findCredentialIssuer } from './access.ts';

type WorkDeps = Pick<FacadeDeps, 'credentials'> & {
  readonly services: Pick<Services, 'documents' | 'workQueue'>;
};
const StopBody = z.strictObject({ force: z.boolean().nullable().optional() });
const WorkUpdate = z.strictObject({ metadata: MetadataChange.nullable().optional() });
const maxReclaimMs = 86_400_000;
const usualReclaimMs = 5_000;

export const toWorkView = (item: WorkItem, secret: string | null = null) => ({
  id: item.id,
  type: 'work' as const,
  environment_id: item.environmentId,
  data: { type: 'session' as const, id: toApiSessionId(item.sessionId) },
  state: item.state,
  metadata: item.metadata,
  secret,
  created_at: toIsoTime(item.createdAt),
  acknowledged_at: toIsoTimeOrNull(item.acknowledgedAt),
  started_at: toIsoTimeOrNull(item.startedAt),
  latest_heartbeat_at: toIsoTimeOrNull(item.heartbeatAt),
  stop_requested_at: toIsoTimeOrNull(item.stopRequestedAt),
  stopped_at: toIsoTimeOrNull(item.stoppedAt),
});
/** The format that the SDKs' workers expect for a session's token. */
const encodeSecret = (token: string): string =>
  Buffer.from(JSON.stringify({ sessions_token: token })).toString('base64url');

export async function requireQueueId(documents: Services['documents'], id: string): Promise<string> {
  const { content } = await readDocument(documents, 'environment', id);
  if (EnvironmentContent.parse(content).config.type !== 'self_hosted')
    throw invalidRequestError(`The environment ${id} has no queue: only those of the type self_hosted have one.`);
  return id;
}

export function createWorkRoutes({ services: { documents, workQueue }, credentials }: WorkDeps): ApiRoutes {
  const queue = (params: Readonly<Record<string, string | undefined>>) => requireQueueId(documents, params.id ?? '');
  const keyOnly = ['environment'] as const;
  const both = ['environment', 'session'] as const;

  return {
    'GET /v1/environments/:id/work/poll': {
      worker: keyOnly,
      async run(apiRequest) {
        const { params, query, request, reply } = apiRequest;
        const blockMs = query.integer('block_ms', { min: 1, max: 999, usual: 0 });
        const reclaimMs = query.integer('reclaim_older_than_ms', { min: 0, max: maxReclaimMs, usual: usualReclaimMs });
        const environment = await queue(params);
        const workerId = parseWorkerId(request.headers['anthropic-worker-id']);
        const signal = abortOnDisconnect(reply);
        const options = { workerId, blockMs, reclaimMs, maker: claimMaker(apiRequest), signal };
        const found = await workQueue.poll(environment, options);
        // Fastify would send an empty body for null, but the SDKs expect JSON.
        const body = found ? toWorkView(found, encodeSecret(found.token)) : null;
        return reply.type('application/json').send(JSON.stringify(body));
      },
    },
    'GET /v1/environments/:id/work/stats': {
      worker: keyOnly,
      async run({ params }) {
        const { waiting, claimed, oldestQueuedAt, workers } = await workQueue.stats(await queue(params));
        return {
          type: 'work_queue_stats' as const,
          depth: waiting,
          pending: claimed,
          oldest_queued_at: toIsoTimeOrNull(oldestQueuedAt),
          workers_polling: workers,
        };
      },
    },
    'GET /v1/environments/:id/work': {
      worker: keyOnly,
      async run({ params, query }) {
        const environment = await queue(params);
        const read = () => workQueue.items(environment);
        return await readListPage({ query, name: `work ${environment}`, read, show: (item) => toWorkView(item) });
      },
    },
    'GET /v1/environments/:id/work/:work': {
      worker: ['session'],
      run: async ({ params }) => toWorkView(await workQueue.item(await queue(params), params.work ?? '')),
    },
    async 'POST /v1/environments/:id/work/:work'({ params, body }) {
      const { metadata } = parseInput(WorkUpdate, body);
      const environment = await queue(params);
      const item = await workQueue.item(environment, params.work ?? '');
      if (!metadata) return toWorkView(item);
      return toWorkView(
        await workQueue.setMetadata(environment, item.id, applyMetadataChange(item.metadata, metadata)),
      );
    },
    'POST /v1/environments/:id/work/:work/ack': {
      worker: both,
      run: async ({ params }) => toWorkView(await workQueue.acknowledge(await queue(params), params.work ?? '')),
    },
    'POST /v1/environments/:id/work/:work/heartbeat': {
      worker: both,
      async run({ params, query }) {
        const expected = parseExpected(query.one('expected_last_heartbeat'));
        const ttlSeconds = query.integer('desired_ttl_seconds', { min: 0, max: 999_999, usual: 0 }) || undefined;
        const environment = await queue(params);
        const lease = await workQueue.beat(environment, params.work ?? '', { expected, ttlSeconds });
        const { state, heartbeatAt, ttlSeconds: ttl, outcome } = lease;
        const shown = { lease_extended: outcome === 'extended', state, ttl_seconds: ttl };
        if (outcome === 'mismatch')
          throw new ManagedAgentsError(
            'conflict',
            'expected_last_heartbeat is not the newest one: another worker may have the item.',
            {
              errorCode: 'heartbeat_precondition_failed',
              details: { current_state: { last_heartbeat: toIsoTimeOrNull(heartbeatAt), ...shown } },
              status: 412,
            },
          );
        return { type: 'work_heartbeat' as const, last_heartbeat: toIsoTimeOrNull(heartbeatAt) ?? '', ...shown };
      },
    },
    'POST /v1/environments/:id/work/:work/stop': {
      worker: both,
      async run({ params, body }) {
        const { force } = parseInput(StopBody, body);
        return toWorkView(await workQueue.stop(await queue(params), params.work ?? '', { force: force ?? false }));
      },
    },
  };

  /** A claim's token is valid only as long as the claiming worker's environment key. */
  function claimMaker(apiRequest: ApiRequest): CredentialIssuer {
    const maker = findCredentialIssuer(apiRequest, credentials);
    return apiRequest.worker?.keyId === undefined ? maker : { environmentKey: apiRequest.worker.keyId };
  }
}

const noHeartbeat = 'NO_HEARTBEAT';
function parseExpected(value: string | undefined): number | null | undefined {
  if (value === undefined || value === '') return undefined;
  return value === noHeartbeat ? null : parseQueryTime('expected_last_heartbeat', value);
}

function parseWorkerId(input: string | string[] | undefined): string | undefined {
  if (input === undefined) return undefined;
  if (typeof input !== 'string' || !/^[\x20-\x7e]{1,256}$/.test(input))
    throw new AppError('invalid_request', 'anthropic-worker-id must be 1 to 256 printable characters.');
  return input;
}

type KeyDeps = Pick<FacadeDeps, 'credentials'> & { readonly services: Pick<Services, 'documents' | 'workQueue'> };
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

/** The hosted API lacks these routes, because its console creates workers' keys. */
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
