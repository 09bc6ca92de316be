import { z } from 'zod';
import {
  type ListedModel,
  ModelId,
  type ModelListFormat,
  OptionalModelName,
  OptionalTokenCount,
} from '../model-list.ts';
import type { Provider } from '../provider.ts';

// The response of GET /v1/models, with fields of OpenRouter, vLLM, LM Studio, Groq and Mistral.

const maybe = <Schema extends z.ZodType>(schema: Schema) => schema.optional().catch(undefined);
const PerToken = maybe(z.string().max(40).transform(Number).pipe(z.number().min(0).max(1)));
const Entry = z.object({
  id: ModelId,
  name: OptionalModelName,
  context_length: OptionalTokenCount,
  context_window: OptionalTokenCount,
  max_context_length: OptionalTokenCount,
  max_model_len: OptionalTokenCount,
  max_completion_tokens: OptionalTokenCount,
  top_provider: maybe(z.object({ max_completion_tokens: OptionalTokenCount })),
  pricing: maybe(z.object({ prompt: PerToken, completion: PerToken })),
  architecture: maybe(z.object({ input_modalities: maybe(z.array(z.string())) })),
  supported_parameters: maybe(z.array(z.string())),
  capabilities: maybe(z.object({ vision: maybe(z.boolean()), function_calling: maybe(z.boolean()) })),
});
const Page = z.union([z.object({ data: z.array(z.unknown()) }), z.array(z.unknown())]);
const others = /embed|whisper|rerank|moderation|-tts|stable-diffusion/i;

export const openaiCompatibleListFormat: ModelListFormat = {
  path: () => '/models',
  read(body) {
    const page = Page.parse(body);
    const entries = (Array.isArray(page) ? page : page.data).flatMap((entry) => Entry.safeParse(entry).data ?? []);
    return { models: entries.filter(({ id }) => !others.test(id)).map(toListedModel) };
  },
};

function toListedModel(entry: z.output<typeof Entry>): ListedModel {
  const { id, name, pricing, architecture, supported_parameters: parameters, capabilities } = entry;
  const { prompt, completion } = pricing ?? {};
  const isPriced = prompt !== undefined && completion !== undefined;
  return {
    id,
    name: name ?? id,
    window: entry.context_length ?? entry.context_window ?? entry.max_context_length ?? entry.max_model_len,
    maxOutput: entry.top_provider?.max_completion_tokens ?? entry.max_completion_tokens,
    images: architecture?.input_modalities?.includes('image') ?? capabilities?.vision,
    tools: parameters?.includes('tools') ?? capabilities?.function_calling,
    reasoning: parameters?.includes('reasoning'),
    ...(isPriced && { price: { input: perMillion(prompt), output: perMillion(completion) } }),
  };
}

const perMillion = (each: number): number => Number((each * 1e6).toPrecision(6));

export const createOpenaiCompatibleProvider = (name: string, baseUrl: string): Provider => ({
  name,
  label: name,
  models: [],
  access: {
    keyVariables: [`models.compatible.${name}.api-key`],
    baseUrl,
    keyCheck: { path: '/models', headers: (key) => ({ authorization: `Bearer ${key}` }) },
    listing: openaiCompatibleListFormat,
  },
  abilities: () => ({ unproven: true }),
  build: async (options) => {
    const [{ createAiSdkModel }, { openaiCompatibleAdapter }] = await Promise.all([
      import('./aisdk.ts'),
      import('./compatible.ts'),
    ]);
    return createAiSdkModel({ ...options, adapter: openaiCompatibleAdapter });
  },
});
