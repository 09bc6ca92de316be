import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { query } from '../data/server.ts';

export type Automation = Outputs['automations']['get'];
export type AutomationStart = Outputs['automations']['start'];

/** Undefined: not read yet. */
export const automations = signal<readonly Automation[] | undefined>(undefined);

export async function readAutomations(): Promise<void> {
  automations.value = await query('automations.list', undefined);
}

/** Puts a changed automation in the place of the old one, or a new one on top. */
export function shownAs(changed: Automation): void {
  const all = automations.value ?? [];
  const isKnown = all.some(({ id }) => id === changed.id);
  automations.value = isKnown ? all.map((one) => (one.id === changed.id ? changed : one)) : [changed, ...all];
}
export function forgotten(id: string): void {
  automations.value = automations.value?.filter((one) => one.id !== id);
}
