import { anthropicProvider } from './aisdk/anthropic-provider.ts';
import { openaiProvider } from './aisdk/openai-provider.ts';
import { demoProvider } from './demo/provider.ts';
import { geminiProvider } from './gemini/provider.ts';
import type { Provider, ProviderAccess } from './provider.ts';

export const providers = [demoProvider, geminiProvider, openaiProvider, anthropicProvider] as const;

type KnownProvider = (typeof providers)[number];
export type KeyedProviderName = Exclude<KnownProvider, { access: null }>['name'];
export const keyedProviders = providers.filter((it) => it.access !== null) as readonly (Provider<KeyedProviderName> & {
  readonly access: ProviderAccess;
})[];

export const findProvider = (name: string): Provider | undefined => providers.find((it) => it.name === name);

/** The demo model has the same name as its provider. */
export function parseModelRef(ref: string): { provider: string; model: string } {
  const [provider = '', ...model] = ref.split('/');
  return { provider, model: model.join('/') || provider };
}
export const formatModelRef = (provider: string, model: string): string =>
  provider === 'demo' ? 'demo' : `${provider}/${model}`;
