import { signal } from '@preact/signals';

export const isSelectingSessions = signal(false);
export const selectedSessionIds = signal<ReadonlySet<string>>(new Set());
let anchor: string | undefined;

export function stopSelectingSessions(): void {
  isSelectingSessions.value = false;
  selectedSessionIds.value = new Set();
  anchor = undefined;
}

export function toggleSessionSelection(id: string): void {
  const now = new Set(selectedSessionIds.value);
  if (!now.delete(id)) now.add(id);
  selectedSessionIds.value = now;
  anchor = id;
}

/** Selects from the last individually selected session to `id`. `order`: the displayed order. */
export function selectSessionRange(id: string, order: readonly string[]): void {
  const from = anchor === undefined ? -1 : order.indexOf(anchor);
  const to = order.indexOf(id);
  const range = order.slice(Math.min(from, to), Math.max(from, to) + 1);
  if (from < 0 || to < 0) toggleSessionSelection(id);
  else selectedSessionIds.value = new Set([...selectedSessionIds.value, ...range]);
}
