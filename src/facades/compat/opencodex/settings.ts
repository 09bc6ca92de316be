import { z } from 'zod';
import { AppError } from '../../../core/errors/errors.ts';
import { Secret } from '../../../core/text/secret.ts';
import { jsonReply, noBodyReply } from '../../../http/routes/route-docs.ts';
import type { App } from '../../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../../http/transport/abort-on-disconnect.ts';
import { describeRoute, type OpencodexDeps } from './context.ts';
import { toIsoTime } from './names.ts';
import { exampleTime, isoTimestamp } from './replies/examples.ts';
import { createApiKeySchema, ProviderParams, ProvidersQuery } from './schemas.ts';

const base = '/api/v1/settings';
const bodyExample = { provider: 'gemini', api_key: 'the-key' };

const Key = z.object({
  provider: z.string(),
  is_configured: z.boolean(),
  last_used_at: isoTimestamp.nullable(),
  created_at: isoTimestamp,
});
const keyList = jsonReply('Keys', z.object({ api_keys: z.array(Key) }), {
  api_keys: [{ provider: 'gemini', is_configured: true, last_used_at: null, created_at: exampleTime }],
});
const stored = jsonReply('Stored', z.object({ message: z.string() }), { message: 'API key for gemini saved' });
const verdict = jsonReply('The answer of the provider', z.object({ valid: z.boolean(), message: z.string() }), {
  valid: false,
  message: 'The provider could not be reached.',
});
const Named = z.object({ id: z.string(), name: z.string() });
const Provider = Named.extend({ models: z.array(Named), env_key: z.string().nullable() });
const gemini: z.output<typeof Provider> = {
  id: 'gemini',
  name: 'Google Gemini',
  env_key: 'GEMINI_API_KEY',
  models: [{ id: 'gemini-2.5-flash', name: 'Gemini 2.5 Flash' }],
};
const providerList = jsonReply('Providers', z.object({ providers: z.array(Provider) }), { providers: [gemini] });

export function mountSettings(app: App, { keys, providers, offered }: OpencodexDeps): void {
  const NewKey = createApiKeySchema(providers);
  app.get(
    `${base}/api-keys`,
    describeRoute('ListApiKeys', 'List the providers whose keys are stored; never a key', {
      schema: { response: { 200: keyList } },
    }),
    async () => ({
      api_keys: (await keys.list()).map(({ provider, createdAt, lastUsedAt }) => ({
        provider,
        is_configured: true,
        last_used_at: lastUsedAt === null ? null : toIsoTime(lastUsedAt),
        created_at: toIsoTime(createdAt),
      })),
    }),
  );
  app.post(
    `${base}/api-keys`,
    describeRoute('SetApiKey', 'Store the key of a provider, encrypted; replaces an earlier one', {
      schema: { body: NewKey, response: { 201: stored } },
      config: { once: 201 },
      bodyExample,
      fails: [409, 413, 422],
    }),
    async ({ body: { provider, api_key } }) => {
      await keys.put(provider, new Secret(api_key));
      return { message: `API key for ${provider} saved` };
    },
  );
  app.post(
    `${base}/api-keys/test`,
    describeRoute('TestApiKey', 'Ask a provider whether it accepts a key', {
      schema: { body: NewKey, response: { 200: verdict } },
      bodyExample,
      fails: [413, 422],
    }),
    async ({ body: { provider, api_key } }, reply) =>
      keys.test(provider, new Secret(api_key), abortOnDisconnect(reply)),
  );
  app.delete(
    `${base}/api-keys/:provider`,
    describeRoute('DeleteApiKey', 'Delete the key of a provider', {
      schema: { params: ProviderParams, response: { 204: noBodyReply } },
      fails: [404],
    }),
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
    describeRoute('ListLlmProviders', 'List the providers and their models', {
      schema: { querystring: ProvidersQuery, response: { 200: providerList } },
      fails: [422],
    }),
    async ({ query: { featured_only } }) => {
      const featured = featured_only === 'true' || featured_only === '1';
      const shown = (await offered()).filter(({ models }) => !featured || models.length > 0);
      return {
        providers: shown.map(({ id, name, models, envKey }) => ({ id, name, models: [...models], env_key: envKey })),
      };
    },
  );
}
