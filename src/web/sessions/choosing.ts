import { signal } from '@preact/signals';

/** The sessions that a person chose to delete together. */
export const isChoosing = signal(false);
export const chosen = signal<ReadonlySet<string>>(new Set());

export function stopChoosing(): void {
  isChoosing.value = false;
  chosen.value = new Set();
}

export function toggleChosen(id: string): void {
  const now = new Set(chosen.value);
  if (!now.delete(id)) now.add(id);
  chosen.value = now;
}
