// Who offers models, as settings and keys name them.

export interface Provider {
  readonly id: string;
  readonly name: string;
  /** Those to offer; others of the provider can be named too. None: this version cannot speak to it. */
  readonly models: readonly { readonly id: string; readonly name: string }[];
  /** The variable that holds its key; null where none is needed. */
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
/** `provider/model`, as configured; the demo model has one name for both. */
export function splitModel(name: string): { provider: string; model: string } {
  const [provider = '', ...model] = name.split('/');
  return { provider, model: model.join('/') || provider };
}
export const joinModel = (provider: string, model: string): string =>
  provider === 'demo' ? 'demo' : `${provider}/${model}`;
