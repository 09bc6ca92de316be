import type { AppendRequest } from '../../core/contracts/ports.ts';
import type { SessionEvent } from '../../core/model/events.ts';

export interface LiveWindowLimits {
  readonly events: number;
  readonly chars: number;
}

/**
 * Newest events of a followed session, without gaps, so that followers do not each read the store. All get the same objects, so a
 * facade can cache its results by object identity.
 */
export class LiveEventWindow {
  readonly #limits: LiveWindowLimits;
  readonly #events: SessionEvent[] = [];
  readonly #sizes: number[] = [];
  #chars = 0;
  #head: number | undefined;

  constructor(limits: LiveWindowLimits) {
    this.#limits = limits;
  }

  /** Newest seq known here; undefined before the first append. The store may have newer ones. */
  get head(): number | undefined {
    return this.#head;
  }

  /** All events after the cursor if the window has the first of them; otherwise none. */
  after(cursor: number): readonly SessionEvent[] {
    const first = this.#events[0]?.seq;
    return first === undefined || cursor + 1 < first ? [] : this.#events.slice(cursor + 1 - first);
  }

  /** Ignores facts that the window already has. Facts after a gap start a new window. */
  add({ sessionId, after, at, facts }: AppendRequest): void {
    if (this.#head !== undefined && after < this.#head) return;
    if (after !== this.#head) this.#clear();
    facts.forEach((fact, n) => {
      this.#keep({ seq: after + n + 1, sessionId, ts: at, ...fact });
    });
    this.#head = after + facts.length;
    this.#trim();
  }

  /**
   * Called when other servers have appended up to `head`. `events`: the new events, or empty if they were not read, which empties
   * the window.
   */
  catchUp(head: number, events: readonly SessionEvent[]): void {
    if (this.#head !== undefined && head <= this.#head) return;
    if (events[0]?.seq !== (this.#head ?? 0) + 1) this.#clear();
    for (const event of events) this.#keep(event);
    this.#head = head;
    this.#trim();
  }

  #keep(event: SessionEvent): void {
    const chars = countChars(event.data);
    this.#events.push(event);
    this.#sizes.push(chars);
    this.#chars += chars;
  }

  #trim(): void {
    while (this.#events.length > this.#limits.events || this.#chars > this.#limits.chars) {
      this.#events.shift();
      this.#chars -= this.#sizes.shift() ?? 0;
    }
  }

  #clear(): void {
    this.#events.length = 0;
    this.#sizes.length = 0;
    this.#chars = 0;
  }
}

export function countChars(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let chars = 0;
  for (const part of Object.values(value)) chars += 8 + countChars(part);
  return chars;
}
