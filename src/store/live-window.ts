import type { SessionEvent } from '../core/events.ts';
import type { Append, Followed } from '../core/ports.ts';

export type LiveItem = Extract<Followed, { kind: 'event' }>;

/** The most of one followed session that is kept in memory. */
export interface WindowLimits {
  readonly events: number;
  readonly chars: number;
}

/**
 * The newest events of a session somebody follows, without holes, so that a hundred followers do not each read the
 * store. All of them get the same objects: what a facade makes of one may be kept by the object's identity.
 */
export class LiveWindow {
  readonly #limits: WindowLimits;
  readonly #items: { readonly item: LiveItem; readonly chars: number }[] = [];
  #chars = 0;
  #head: number | undefined;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** The newest seq known here; undefined before the first append. The store may know a newer one. */
  get head(): number | undefined {
    return this.#head;
  }

  /** The event right after the cursor, if it is kept. */
  after(cursor: number): LiveItem | undefined {
    const first = this.#items[0]?.item.event.seq;
    return first === undefined ? undefined : this.#items[cursor + 1 - first]?.item;
  }

  /** Adds facts that became durable. A fact out of order is left to the store, or starts a new window. */
  add({ sessionId, after, at, facts }: Append): void {
    if (this.#head !== undefined && after < this.#head) return;
    if (after !== this.#head) this.#clear();
    facts.forEach((fact, n) => {
      this.#keep({ seq: after + n + 1, sessionId, ts: at, ...fact });
    });
    this.#head = after + facts.length;
    this.#trim();
  }

  /** Others have appended up to there: these, or too many to be kept. */
  catchUp(head: number, events: readonly SessionEvent[]): void {
    if (this.#head !== undefined && head <= this.#head) return;
    if (events[0]?.seq !== (this.#head ?? 0) + 1) this.#clear();
    for (const event of events) this.#keep(event);
    this.#head = head;
    this.#trim();
  }

  #keep(event: SessionEvent): void {
    const chars = charsIn(event.data);
    this.#items.push({ item: { kind: 'event', event }, chars });
    this.#chars += chars;
  }

  #trim(): void {
    while (this.#items.length > this.#limits.events || this.#chars > this.#limits.chars) {
      this.#chars -= this.#items.shift()?.chars ?? 0;
    }
  }

  #clear(): void {
    this.#items.length = 0;
    this.#chars = 0;
  }
}

/** About how much text a value holds. */
export function charsIn(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let chars = 0;
  for (const part of Object.values(value)) chars += 8 + charsIn(part);
  return chars;
}
