import type { ConversationItem } from './items.ts';

// Draws the end of a conversation first. Each later frame adds the part above.

export const itemsPerBatch = 20;

export interface ItemWindow {
  readonly items: readonly ConversationItem[];
  readonly first: number;
  /** Index at which a batch starts. The other batches are aligned to it. */
  readonly anchor: number;
}

export const emptyItemWindow: ItemWindow = { items: [], first: 0, anchor: 0 };

export function advanceItemWindow(before: ItemWindow, items: readonly ConversationItem[]): ItemWindow {
  const now = before.items[0] === items[0] ? before : movedDown(before, items);
  if (!now) return { items, first: partStart(0, items.length - itemsPerBatch), anchor: 0 };
  const { anchor } = now;
  const arrived = items.length - before.items.length - (anchor - before.anchor);
  const from = arrived > itemsPerBatch ? items.length - itemsPerBatch : now.first - itemsPerBatch;
  return { items, first: partStart(anchor, from), anchor };
}

function movedDown(before: ItemWindow, items: readonly ConversationItem[]): ItemWindow | undefined {
  const lastPart = partStart(before.anchor, before.items.length - 1);
  const place = placeOf(before.items[lastPart], items);
  const top = placeOf(before.items[before.first], items);
  if (place < 0 || (items.at(-1)?.seq ?? 0) < (before.items.at(-1)?.seq ?? 0)) return undefined;
  const anchor = before.anchor + place - lastPart;
  return { items, first: partStart(anchor, top < 0 ? place : top), anchor };
}

const placeOf = (item: ConversationItem | undefined, items: readonly ConversationItem[]): number =>
  item ? items.findIndex(({ seq }) => seq === item.seq) : -1;

/** A batch keeps its key when items are added before it. */
export function splitIntoItemBatches({ items, first, anchor }: ItemWindow) {
  const parts: { key: number; items: readonly ConversationItem[] }[] = [];
  for (let from = first; from < items.length; ) {
    const to = from + itemsPerBatch - intoPart(anchor, from);
    parts.push({ key: from - anchor, items: items.slice(from, to) });
    from = to;
  }
  return parts;
}

const partStart = (anchor: number, at: number): number => (at <= 0 ? 0 : Math.max(0, at - intoPart(anchor, at)));
const intoPart = (anchor: number, at: number): number =>
  (((at - anchor) % itemsPerBatch) + itemsPerBatch) % itemsPerBatch;
