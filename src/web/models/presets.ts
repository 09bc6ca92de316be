import { trimCharacters, trimEndCharacters } from '../../core/text/text.ts';

export interface ProviderPreset {
  readonly id: string;
  readonly label: string;
  /** Absent: the provider has a fixed address. Empty: the person enters one. */
  readonly baseUrl?: string;
  readonly key: 'needed' | 'optional' | 'none';
}

export const providerPresets: readonly ProviderPreset[] = [
  { id: 'gemini', label: 'Gemini', key: 'needed' },
  { id: 'openai', label: 'OpenAI', key: 'needed' },
  { id: 'anthropic', label: 'Anthropic', key: 'needed' },
  { id: 'ollama', label: 'Ollama', baseUrl: 'http://127.0.0.1:11434/v1', key: 'none' },
  { id: 'openrouter', label: 'OpenRouter', baseUrl: 'https://openrouter.ai/api/v1', key: 'needed' },
  { id: 'vllm', label: 'vLLM', baseUrl: '', key: 'optional' },
  { id: 'other', label: '', baseUrl: '', key: 'optional' },
];

const longest = 31;

/** Converts a name to the format of model references, such as `my-server`. */
export function slugifyProviderName(text: string): string {
  const name = trimCharacters(text.toLowerCase().replace(/[^a-z0-9]+/g, '-'), '-');
  return trimEndCharacters(name.slice(0, longest), '-') || 'server';
}

/** Derives a provider's name from its address, such as `models-example-com`, or `local-1234` on this machine. */
export function toProviderName(address: string): string {
  const { hostname = '', port = '' } = URL.parse(address.trim()) ?? {};
  const isLocal = /^(localhost|127[.][\d.]+|\[::1\])$/.test(hostname);
  return slugifyProviderName(`${isLocal ? 'local' : hostname} ${port}`);
}
