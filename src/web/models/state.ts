import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { query } from '../data/server.ts';
import { t } from '../text/text.ts';
import { providerPresets } from './presets.ts';

export type EffectiveModels = Outputs['models']['inForce'];
export type AvailableProvider = Outputs['models']['offered']['providers'][number];
export type ListedModel = AvailableProvider['models'][number];

/** Model of a new session. Empty: the server's default. */
export const chosenModel = signal('');
export const effectiveModels = signal<EffectiveModels | undefined>(undefined);
export const availableProviders = signal<readonly AvailableProvider[] | undefined>(undefined);

export async function loadEffectiveModels(): Promise<void> {
  effectiveModels.value = await query('models.inForce', undefined);
}

export async function loadAvailableProviders(): Promise<void> {
  availableProviders.value = (await query('models.offered', undefined)).providers;
}

/** Applies the server's answer to a change, and clears the list of available models, which views then load again. */
export function applyModels(now: EffectiveModels): void {
  effectiveModels.value = now;
  availableProviders.value = undefined;
}

/** The demo has no provider, so its name is the whole reference. */
export const isDemoModel = (ref: string | undefined): boolean => ref === 'demo';

export const modelRefOf = (
  { provider }: Pick<AvailableProvider, 'provider'>,
  { id }: Pick<ListedModel, 'id'>,
): string => `${provider}/${id}`;

const mostChoices = 60;

/** All models, for a form. Undefined: too many, or a provider's list failed to load, so a person has to type the name. */
export function useModelChoices(): readonly (readonly [ref: string, label: string])[] | undefined {
  useEffect(() => {
    for (const read of [loadEffectiveModels, loadAvailableProviders]) void read().catch(() => {}); // names can be typed without the lists
  }, []);
  const groups = availableProviders.value ?? [];
  const refs = ['demo', ...groups.flatMap((group) => group.models.map((model) => modelRefOf(group, model)))];
  if (refs.length > mostChoices || groups.some(({ trouble }) => trouble !== null)) return undefined;
  return refs.map((ref) => [ref, formatModelLabel(ref)]);
}

/** Display names of provider and model: `Ollama / qwen3`. */
export function formatModelLabel(ref: string): string {
  if (isDemoModel(ref)) return t('models.demo');
  const [provider = '', ...rest] = ref.split('/');
  if (rest.length === 0) return ref;
  const held = effectiveModels.value?.providers.find(({ id }) => id === provider);
  return `${providerPresets.find(({ id }) => id === provider)?.label || (held?.name ?? provider)} / ${toShortModelName(ref)}`;
}

export const toShortModelName = (ref: string): string => (ref.split('/').at(-1) ?? ref).replace(/\.gguf$/i, '');
