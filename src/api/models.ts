import { z } from 'zod';
import { Secret } from '../core/text/secret.ts';
import { EffectiveModels, type ModelAccess, ModelAccessTestResult, ProviderModels } from '../sessions/api/models.ts';
import { defineOperations, router } from './procedure/procedure.ts';

const Offered = z.object({ providers: z.array(ProviderModels).readonly() });

const access = {
  /** gemini, openai, anthropic, or any name for a Chat Completions server. For the default model, also demo. */
  provider: z.string().min(1).max(31),
  /** Without `/models` or `/chat/completions`. */
  baseUrl: z.string().min(1).max(2_000).optional(),
  /** Default: the stored key. */
  key: z.string().trim().min(1).max(8_192).optional(),
};
const ModelAccessInput = z.strictObject(access);
const UseModelInput = z.strictObject({
  ...access,
  /** If absent, the default model does not change. */
  model: z.string().min(1).max(200).regex(/^\S+$/).optional(),
});
const ProviderInput = z.strictObject({ provider: z.string().min(1).max(31) });

const accessOf = ({ key, ...rest }: z.output<typeof ModelAccessInput>): ModelAccess => ({
  ...rest,
  ...(key !== undefined && { key: new Secret(key) }),
});

const listed = {
  id: 'qwen3:8b',
  name: 'qwen3:8b',
  window: 32_768,
  images: false,
  tools: true,
  price: { input: 0, output: 0 },
};
const inForce: z.output<typeof EffectiveModels> = {
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
const exampleAccess = { provider: 'team', baseUrl: 'https://models.example/v1' };
const forAdmins = 'For the role admin.';

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server' });
const base = '/api/v1/models';

export const modelsRouter = router({
  inForce: operation({
    rest: `GET ${base}`,
    id: 'models',
    summary: 'The default model, the settings that override it, and the model providers',
    may: 'any',
    out: EffectiveModels,
    answer: inForce,
    fails: [401],
  }).query(({ ctx }) => ctx.services.models.inForce()),
  offered: operation({
    rest: `GET ${base}/offered`,
    id: 'offeredModels',
    summary: "The providers' own lists of models, at most ten minutes old",
    may: 'create',
    out: Offered,
    answer: { providers: [{ provider: 'ollama', name: 'ollama', models: [listed], trouble: null }] },
    fails: [401, 403],
  }).query(async ({ ctx }) => ({ providers: await ctx.services.models.offered(ctx.signal) })),
  test: operation({
    rest: `POST ${base}/test`,
    id: 'testModels',
    summary: 'List the models of a provider with this key and address; stores nothing',
    description: forAdmins,
    may: 'admin',
    in: ModelAccessInput,
    out: ModelAccessTestResult,
    example: exampleAccess,
    answer: { ok: true, message: '', models: [listed] },
    fails: [401, 403, 413, 422],
  }).mutation(({ ctx, input }) => ctx.services.models.test(accessOf(input), ctx.signal)),
  use: operation({
    rest: `PUT ${base}/usual`,
    id: 'useModel',
    summary: 'Store the key, the address and, optionally, the model of sessions that chose none',
    description: `${forAdmins} It applies from the next turn on. Settings in files and variables take precedence.`,
    may: 'admin',
    in: UseModelInput,
    out: EffectiveModels,
    example: { ...exampleAccess, model: 'qwen3:8b' },
    answer: inForce,
    fails: [400, 401, 403, 413, 422],
  }).mutation(({ ctx, input: { model, ...values } }) =>
    ctx.services.models.use({ ...accessOf(values), model }, ctx.signal),
  ),
  forget: operation({
    rest: `DELETE ${base}/providers/:provider`,
    id: 'forgetModels',
    summary: 'Forget the key and the address that people entered for a provider',
    description: forAdmins,
    may: 'admin',
    in: ProviderInput,
    out: EffectiveModels,
    answer: { ...inForce, model: 'demo' },
    fails: [401, 403, 404],
  }).mutation(({ ctx, input }) => ctx.services.models.forget(input.provider)),
});
