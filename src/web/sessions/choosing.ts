import { signal } from '@preact/signals';

/** The sessions that a person has selected to delete, stop or archive together. */
export const isSelecting = signal(false);
export const selectedSessions = signal<ReadonlySet<string>>(new Set());
let anchor: string | undefined; // start of a range

export function stopSelecting(): void {
  isSelecting.value = false;
  selectedSessions.value = new Set();
  anchor = undefined;
}

export function toggleSelected(id: string): void {
  const now = new Set(selectedSessions.value);
  if (!now.delete(id)) now.add(id);
  selectedSessions.value = now;
  anchor = id;
}

/** Selects from the last single choice to this session. `order` is the displayed order. */
export function selectRange(id: string, order: readonly string[]): void {
  const from = anchor === undefined ? -1 : order.indexOf(anchor);
  const to = order.indexOf(id);
  const range = order.slice(Math.min(from, to), Math.max(from, to) + 1);
  if (from < 0 || to < 0) toggleSelected(id);
  else selectedSessions.value = new Set([...selectedSessions.value, ...range]);
}
