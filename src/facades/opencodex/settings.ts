import { AppError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { providers } from '../../session/projects/providers.ts';
import type { App } from '../shared/routes.ts';
import { whileConnected } from '../shared/while-connected.ts';
import type { OpencodexDeps } from './context.ts';
import * as doc from './docs/settings.ts';
import { iso } from './names.ts';
import { NewKey, ProviderParams, ProvidersQuery } from './schemas.ts';

const base = '/api/v1/settings';

export function mountSettings(app: App, { keys, idempotency }: OpencodexDeps): void {
  app.get(`${base}/api-keys`, { config: { doc: doc.listKeys } }, async () => ({
    api_keys: (await keys.list()).map(({ provider, createdAt, lastUsedAt }) => ({
      provider,
      is_configured: true,
      last_used_at: lastUsedAt === null ? null : iso(lastUsedAt),
      created_at: iso(createdAt),
    })),
  }));
  app.post(`${base}/api-keys`, { schema: { body: NewKey }, config: { doc: doc.putKey } }, (request, reply) =>
    idempotency.once(request, reply.code(201), async () => {
      const { provider, api_key } = request.body;
      await keys.put(provider, new Secret(api_key));
      return { message: `API key for ${provider} saved` };
    }),
  );
  app.post(
    `${base}/api-keys/test`,
    { schema: { body: NewKey }, config: { doc: doc.testKey } },
    async ({ body: { provider, api_key } }, reply) => keys.test(provider, new Secret(api_key), whileConnected(reply)),
  );
  app.delete(
    `${base}/api-keys/:provider`,
    { schema: { params: ProviderParams }, config: { doc: doc.deleteKey } },
    async ({ params: { provider } }, reply) => {
      await keys.delete(provider).catch((thrown: unknown) => {
        if (!(thrown instanceof AppError && thrown.code === 'not_found')) throw thrown;
        throw new AppError('not_found', `API key for provider ${provider} not found`);
      });
      return reply.code(204).send();
    },
  );
  app.get(
    `${base}/llm-providers`,
    { schema: { querystring: ProvidersQuery }, config: { doc: doc.listProviders } },
    async ({ query: { featured_only } }) => {
      const featured = featured_only === 'true' || featured_only === '1';
      const shown = providers.filter(({ models }) => !featured || models.length > 0);
      return { providers: shown.map(({ id, name, models, envKey }) => ({ id, name, models, env_key: envKey })) };
    },
  );
}
