// The model providers, under the names that settings and keys use.

export interface Provider {
  readonly id: string;
  readonly name: string;
  /** Models to offer; a user can name others of the provider. Empty: this version cannot call the provider. */
  readonly models: readonly { readonly id: string; readonly name: string }[];
  /** The environment variable with the provider's key; null when it needs none. */
  readonly envKey: string | null;
}

export const providers: readonly Provider[] = [
  { id: 'demo', name: 'Demo', models: [{ id: 'demo', name: 'Demo (no key, no network)' }], envKey: null },
  {
    id: 'gemini',
    name: 'Google Gemini',
    models: [
      { id: 'gemini-2.5-flash', name: 'Gemini 2.5 Flash' },
      { id: 'gemini-2.5-pro', name: 'Gemini 2.5 Pro' },
      { id: 'gemini-2.5-flash-lite', name: 'Gemini 2.5 Flash-Lite' },
    ],
    envKey: 'GEMINI_API_KEY',
  },
  { id: 'openai', name: 'OpenAI', models: [], envKey: 'OPENAI_API_KEY' },
  { id: 'anthropic', name: 'Anthropic', models: [], envKey: 'ANTHROPIC_API_KEY' },
];

export const providerOf = (id: string): Provider | undefined => providers.find((it) => it.id === id);
/** Splits `provider/model`; the demo model's provider has the same name. */
export function splitModel(name: string): { provider: string; model: string } {
  const [provider = '', ...model] = name.split('/');
  return { provider, model: model.join('/') || provider };
}
export const joinModel = (provider: string, model: string): string =>
  provider === 'demo' ? 'demo' : `${provider}/${model}`;
