import type { z } from 'zod';
import {
  accessOf,
  ModelAccessInput,
  ModelsInForce,
  OfferedModels,
  ProviderInput,
  TestedAccess,
  UseModelInput,
} from '../../api/views/models.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { Services } from '../../sessions/api/services.ts';
import { about } from './about.ts';

const base = '/api/v1/models';
const listed = {
  id: 'qwen3:8b',
  name: 'qwen3:8b',
  window: 32_768,
  images: false,
  tools: true,
  price: { input: 0, output: 0 },
};
const inForce: z.output<typeof ModelsInForce> = {
  model: 'ollama/qwen3:8b',
  setBy: null,
  chosen: 'ollama/qwen3:8b',
  refusal: null,
  canChange: true,
  providers: [
    {
      id: 'ollama',
      name: 'ollama',
      kind: 'compatible',
      isReady: true,
      from: 'page',
      setBy: null,
      address: 'http://127.0.0.1:11434/v1',
    },
  ],
};
const access = { provider: 'team', baseUrl: 'https://models.example/v1' };
const forAdmins = 'For the role admin.';

/** The models that sessions can use, and the usual one. */
export function mountModels(app: App, models: Services['models']): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(ModelsInForce, inForce) } },
      config: {
        doc: about('models', 'The usual model, what precedes it, and the providers of models', { fails: [401] }),
      },
    },
    () => models.inForce(),
  );
  app.get(
    `${base}/offered`,
    {
      schema: {
        response: {
          200: ok(OfferedModels, {
            providers: [{ provider: 'ollama', name: 'ollama', models: [listed], trouble: null }],
          }),
        },
      },
      config: {
        doc: about('offeredModels', "The providers' own lists of models, at most ten minutes old", {
          fails: [401, 403],
        }),
        least: 'user',
      },
    },
    async (_request, reply) => ({ providers: await models.offered(abortOnDisconnect(reply)) }),
  );
  app.post(
    `${base}/test`,
    {
      schema: {
        body: ModelAccessInput,
        response: { 200: ok(TestedAccess, { ok: true, message: '', models: [listed] }) },
      },
      config: {
        doc: about('testModels', 'Ask a provider for its models with this key and address; stores nothing', {
          description: forAdmins,
          bodyExample: access,
          fails: [401, 403, 413, 422],
        }),
        least: 'admin',
      },
    },
    ({ body }, reply) => models.test(accessOf(body), abortOnDisconnect(reply)),
  );
  app.put(
    `${base}/usual`,
    {
      schema: { body: UseModelInput, response: { 200: ok(ModelsInForce, inForce) } },
      config: {
        doc: about('useModel', 'Store key and address, and make the model that of sessions that chose none', {
          description: `${forAdmins} It counts from the next turn on. Settings in files and variables precede it.`,
          bodyExample: { ...access, model: 'qwen3:8b' },
          fails: [400, 401, 403, 413, 422],
        }),
        least: 'admin',
      },
    },
    ({ body: { model, ...given } }, reply) => models.use({ ...accessOf(given), model }, abortOnDisconnect(reply)),
  );
  app.delete(
    `${base}/providers/:provider`,
    {
      schema: { params: ProviderInput, response: { 200: ok(ModelsInForce, { ...inForce, model: 'demo' }) } },
      config: {
        doc: about('forgetModels', 'Forget the key and the address that people entered for a provider', {
          description: forAdmins,
          fails: [401, 403, 404],
        }),
        least: 'admin',
      },
    },
    ({ params }) => models.forget(params.provider),
  );
}
