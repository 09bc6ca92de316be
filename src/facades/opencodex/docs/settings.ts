import { z } from 'zod';
import { at, json, key, nothing, route, time } from './shared.ts';

const KeyReply = z.object({
  provider: z.string(),
  is_configured: z.boolean(),
  last_used_at: time.nullable(),
  created_at: time,
});

export const listKeys = route({
  id: 'ListApiKeys',
  summary: 'List the providers whose keys are stored; never a key',
  responses: {
    200: json('Keys', z.object({ api_keys: z.array(KeyReply) }), {
      api_keys: [{ provider: 'gemini', is_configured: true, last_used_at: null, created_at: at }],
    }),
  },
});
const bodyExample = { provider: 'gemini', api_key: 'the-key' };
export const putKey = route({
  id: 'SetApiKey',
  summary: 'Store the key of a provider, encrypted; replaces an earlier one',
  responses: { 201: json('Stored', z.object({ message: z.string() }), { message: 'API key for gemini saved' }) },
  fails: [409, 413, 422],
  more: { headers: key, bodyExample },
});
export const testKey = route({
  id: 'TestApiKey',
  summary: 'Ask a provider whether it accepts a key',
  responses: {
    200: json('The answer of the provider', z.object({ valid: z.boolean(), message: z.string() }), {
      valid: false,
      message: 'The provider could not be reached.',
    }),
  },
  fails: [413, 422],
  more: { bodyExample },
});
export const deleteKey = route({
  id: 'DeleteApiKey',
  summary: 'Delete the key of a provider',
  responses: { 204: nothing },
  fails: [404],
});
const model = { id: 'gemini-2.5-flash', name: 'Gemini 2.5 Flash' };
export const listProviders = route({
  id: 'ListLlmProviders',
  summary: 'List the providers and their models',
  responses: {
    200: json(
      'Providers',
      z.object({
        providers: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            models: z.array(z.object({ id: z.string(), name: z.string() })),
            env_key: z.string().nullable(),
          }),
        ),
      }),
      { providers: [{ id: 'gemini', name: 'Google Gemini', models: [model], env_key: 'GEMINI_API_KEY' }] },
    ),
  },
  fails: [422],
});
