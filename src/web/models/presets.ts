import { trimEndOf, trimOf } from '../../core/text/text.ts';

/** A way to a provider that the form offers. */
export interface Preset {
  readonly id: string;
  readonly label: string;
  /** Absent: the provider has an address of its own. Empty: the person enters one. */
  readonly baseUrl?: string;
  readonly key: 'needed' | 'optional' | 'none';
}

export const presets: readonly Preset[] = [
  { id: 'gemini', label: 'Gemini', key: 'needed' },
  { id: 'openai', label: 'OpenAI', key: 'needed' },
  { id: 'anthropic', label: 'Anthropic', key: 'needed' },
  { id: 'ollama', label: 'Ollama', baseUrl: 'http://127.0.0.1:11434/v1', key: 'none' },
  { id: 'openrouter', label: 'OpenRouter', baseUrl: 'https://openrouter.ai/api/v1', key: 'needed' },
  { id: 'vllm', label: 'vLLM', baseUrl: '', key: 'optional' },
  { id: 'other', label: '', baseUrl: '', key: 'optional' },
];

const longest = 31;

/** A name for the server at this address, made of its host and port: `models-example-com`, `127-0-0-1-1234`. */
export function nameOf(address: string): string {
  const host = URL.parse(address.trim())?.host ?? '';
  const name = trimOf(host.toLowerCase().replace(/[^a-z0-9]+/g, '-'), '-');
  return trimEndOf(name.slice(0, longest), '-') || 'server';
}
