import { z } from 'zod';
import { fallbackRefPattern, modelRefPattern } from '../../agents/models/model-ref.ts';
import type { Provider, ProviderAccess } from '../../agents/models/provider.ts';
import { reasoningLevels } from '../../agents/models/provider.ts';
import { type KeyedProviderName, keyedProviders } from '../../agents/models/providers.ts';
import {
  booleanValue,
  integerValue,
  numberValue,
  oneOf,
  secretTextValue,
  textValue,
  urlValue,
  wordList,
} from '../../config/kinds.ts';
import {
  defineOptionalSecret,
  defineOptionalSetting,
  defineSecretSetting,
  defineSetting,
} from '../../config/setting.ts';

const section = ({ label, access }: Provider & { readonly access: ProviderAccess }) =>
  z.strictObject({
    apiKey: defineOptionalSecret(secretTextValue(), `key for ${label}`, ...access.keyVariables),
    baseUrl: defineOptionalSetting(
      urlValue('https', 'http'),
      `endpoint to use instead of ${label}'s own, with the same wire format`,
    ),
  });
const sections = Object.fromEntries(keyedProviders.map((it) => [it.name, section(it)])) as Record<
  KeyedProviderName,
  ReturnType<typeof section>
>;

const mappingOf = <Value extends z.ZodType>(accepts: string, key: z.ZodString, value: Value) => ({
  accepts: `${accepts} (a mapping, or JSON in a variable)`,
  kind: z.union([z.record(z.string(), z.unknown()), z.string().transform(fromJson)]).pipe(z.record(key, value)),
});
function fromJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const names = new Set<string>([
  'demo',
  'compatible',
  'fallbacks',
  'catalog',
  ...keyedProviders.map(({ name }) => name),
]);
const endpointName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,30}$/)
  .refine((name) => !names.has(name));
const endpoint = z
  .strictObject({ 'base-url': urlValue('https', 'http').kind, 'api-key': secretTextValue().kind.optional() })
  .transform(({ 'base-url': baseUrl, 'api-key': apiKey }) => ({ baseUrl, apiKey }));

const perMillion = numberValue(0, 1e6).kind;
const price = z
  .strictObject({
    input: perMillion,
    output: perMillion,
    'cached-input': perMillion.optional(),
    'cache-write': perMillion.optional(),
  })
  .transform(({ 'cached-input': cachedInput, 'cache-write': cacheWrite, ...rest }) => ({
    ...rest,
    cachedInput,
    cacheWrite,
  }));
const entry = z
  .strictObject({
    window: integerValue(1_024).kind.optional(),
    'max-output': integerValue(16).kind.optional(),
    images: booleanValue().kind.optional(),
    parallel: booleanValue().kind.optional(),
    'forced-tool': booleanValue().kind.optional(),
    reasoning: oneOf(...reasoningLevels).kind.optional(),
    price: price.optional(),
  })
  .transform(({ 'max-output': maxOutput, 'forced-tool': forcedTool, ...rest }) => ({ ...rest, maxOutput, forcedTool }));

export const modelSetting = defineSetting(
  textValue('demo, or provider/model such as gemini/gemini-2.5-flash', modelRefPattern),
  'demo',
  'default model; demo needs no key and no network',
);
export const modelsSection = z.strictObject({
  ...sections,
  privateAddresses: defineSetting(
    oneOf('auto', 'allow', 'refuse'),
    'auto',
    'whether administrators can use the page to add providers on this machine and in private networks; auto: only on a loopback server without a token or keys',
  ),
  compatible: defineSecretSetting(
    mappingOf('server names, each with base-url and api-key', endpointName, endpoint),
    {},
    "servers that speak OpenAI's Chat Completions, such as Ollama, vLLM, LiteLLM or OpenRouter",
  ),
  fallbacks: defineSetting(
    wordList('models such as openai/gpt-5-mini', fallbackRefPattern),
    [],
    'models to try in order when the model fails',
  ),
  catalog: defineSetting(
    mappingOf(
      'models, each with window, max-output, images, parallel, forced-tool, reasoning and price',
      z.string().regex(modelRefPattern),
      entry,
    ),
    {},
    'capabilities and prices per million tokens of models that the built-in list lacks or has wrong',
  ),
});
