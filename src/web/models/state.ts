import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import { trimCharacters, trimEndCharacters } from '../../core/text/text.ts';
import { query } from '../data/server.ts';
import { t } from '../text/text.ts';

export type EffectiveModels = Outputs['models']['inForce'];
export type AvailableProvider = Outputs['models']['offered']['providers'][number];
export type ListedModel = AvailableProvider['models'][number];

/** Empty: the server's default. */
export const chosenModel = signal('');
export const effectiveModels = signal<EffectiveModels | undefined>(undefined);
export const availableProviders = signal<readonly AvailableProvider[] | undefined>(undefined);

export async function loadEffectiveModels(): Promise<void> {
  effectiveModels.value = await query('models.inForce', undefined);
}

export async function loadAvailableProviders(): Promise<void> {
  availableProviders.value = (await query('models.offered', undefined)).providers;
}

export function applyModels(now: EffectiveModels): void {
  effectiveModels.value = now;
  availableProviders.value = undefined;
}

export const isDemoModel = (ref: string | undefined): boolean => ref === 'demo';

/** Whether the provider of the default model is set up. */
export const isDefaultReady = ({ model, providers }: EffectiveModels): boolean =>
  isDemoModel(model) || providers.some(({ id, isReady }) => isReady && model.startsWith(`${id}/`));

export const modelRefOf = ({ provider }: { provider: string }, { id }: { id: string }): string => `${provider}/${id}`;

const mostChoices = 60;

/** Undefined: too many models, or a list failed to load. */
export function useModelChoices(): readonly (readonly [ref: string, label: string])[] | undefined {
  useEffect(() => {
    for (const read of [loadEffectiveModels, loadAvailableProviders]) void read().catch(() => {});
  }, []);
  const groups = availableProviders.value ?? [];
  const refs = ['demo', ...groups.flatMap((group) => group.models.map((model) => modelRefOf(group, model)))];
  if (refs.length > mostChoices || groups.some(({ trouble }) => trouble !== null)) return undefined;
  return refs.map((ref) => [ref, formatModelLabel(ref)]);
}

/** Without the provider. */
export const toModelName = (ref: string): string => toReadableModel(ref).slice(ref.indexOf('/') + 1);

/** Display names of provider and model: `Ollama / qwen3`. */
export function formatModelLabel(ref: string): string {
  if (isDemoModel(ref)) return t('models.demo');
  const [provider = '', ...rest] = ref.split('/');
  if (rest.length === 0) return ref;
  const held = effectiveModels.value?.providers.find(({ id }) => id === provider);
  return `${providerPresets.find(({ id }) => id === provider)?.label || (held?.name ?? provider)} / ${toModelName(ref)}`;
}

export interface ProviderPreset {
  readonly id: string;
  readonly label: string;
  /** Absent: the provider has a fixed address. Empty: the user enters the address. */
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

export function slugifyProviderName(text: string): string {
  const name = trimCharacters(text.toLowerCase().replace(/[^a-z0-9]+/g, '-'), '-');
  return trimEndCharacters(name.slice(0, longest), '-') || 'server';
}

/** Returns `models-example-com`, for example, or `local-1234` for this machine. */
export function toProviderName(address: string): string {
  const { hostname = '', port = '' } = URL.parse(address.trim()) ?? {};
  const isLocal = /^(localhost|127[.][\d.]+|\[::1\])$/.test(hostname);
  return slugifyProviderName(`${isLocal ? 'local' : hostname} ${port}`);
}
