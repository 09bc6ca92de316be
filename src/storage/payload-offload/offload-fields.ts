import type { SessionFact } from '../../core/model/events.ts';
import { beginningOf, endOf } from '../../core/text/text.ts';

// Chooses the parts of a fact that leave the log when it is too large for one document, and the text in their place.

export const maxFactBytes = 256 * 1024;
const maxFieldBytes = 8 * 1024;
const shownChars = 2_000;

export type Fields = Record<string, unknown>;
export interface OffloadedFact {
  readonly fact: SessionFact;
  /** The parts that were removed from the fact's `data`. */
  readonly taken: Fields;
}

/** Undefined for a fact that is small enough, as almost all are. */
export function offloadFields(fact: SessionFact): OffloadedFact | undefined {
  if (roughBytes(fact.data, maxFactBytes) <= maxFactBytes) return undefined;
  const data: Fields = {};
  const taken: Fields = {};
  for (const [name, value] of Object.entries(fact.data)) {
    const isLarge = bytesOf(value) > maxFieldBytes;
    if (isLarge) taken[name] = value;
    data[name] = isLarge ? standIn(name, value) : value;
  }
  return { fact: { ...fact, data } as SessionFact, taken };
}

export const restoreFields = <Fact extends SessionFact>(fact: Fact, taken: Fields): Fact => ({
  ...fact,
  data: { ...fact.data, ...taken },
});

/** Matches the event's schema, because readers get it when the removed part cannot be read any more. */
function standIn(name: string, value: unknown): unknown {
  if (typeof value === 'string') return shortened(value);
  if (Array.isArray(value)) return [];
  return name === 'content' ? null : {};
}

function shortened(text: string): string {
  const gap = `\n[… ${text.length - 2 * shownChars} characters cannot be read any more: blob_missing …]\n`;
  return beginningOf(text, shownChars) + gap + endOf(text, shownChars);
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

/** A cheap lower bound of the JSON's bytes, because every event is checked. Stops soon after `enough`. */
function roughBytes(value: unknown, enough: number): number {
  if (typeof value === 'string') return value.length * 6 <= enough ? value.length : bytesOf(value);
  if (value === null || typeof value !== 'object') return 8;
  let sum = 2;
  for (const key in value) {
    sum += key.length + 4 + roughBytes((value as Fields)[key], enough);
    if (sum > enough) return sum;
  }
  return sum;
}
