import type { SessionId } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';

/** Limits of the list kept in memory. */
export interface ListLimits {
  readonly sessions: number;
  readonly chars: number;
}
export type Place = Pick<SessionRecord, 'latestMessageAt'> & { readonly id: string };

const spare = 1.1; // headroom, so that not every new session causes a cut

/** The sessions of the list from its start up to a place, in order. */
export class ListHead {
  readonly #limits: ListLimits;
  readonly #sorted: SessionRecord[] = [];
  readonly #byId = new Map<SessionId, SessionRecord>();
  #end: Place | undefined = { latestMessageAt: Number.POSITIVE_INFINITY, id: '' }; // nothing is loaded yet
  #chars = 0;
  #isCut = false;

  constructor(limits: ListLimits) {
    this.#limits = limits;
  }

  /** Sessions after this place are not loaded; undefined: all are. */
  get end(): Place | undefined {
    return this.#end;
  }
  get isAll(): boolean {
    return this.#end === undefined;
  }
  /** Whether a limit is reached, so that no more sessions can be loaded. */
  get isFull(): boolean {
    return this.#isCut || this.#sorted.length >= this.#limits.sessions || this.#chars >= this.#limits.chars;
  }

  get(id: SessionId): SessionRecord | undefined {
    return this.#byId.get(id);
  }

  all(): SessionRecord[] {
    return [...this.#sorted];
  }

  /** Calls `take` for each session after a place, in order, until it returns true. Returns whether it did. */
  some(after: Place | undefined, take: (session: SessionRecord) => boolean): boolean {
    let n = after ? this.#indexOf(after) : 0;
    if (after && this.#sorted[n]?.id === after.id) n++;
    for (; n < this.#sorted.length; n++) if (take(this.#sorted[n] as SessionRecord)) return true;
    return false;
  }

  /** Adds all sessions between the old end and the new one; `end` undefined: the list has no more. */
  extend(sessions: readonly SessionRecord[], end: Place | undefined): void {
    this.#end = end && { latestMessageAt: end.latestMessageAt, id: end.id };
    for (const session of sessions) this.put(session);
  }

  /** Applies a new session, a changed one, or a tombstone. */
  put(session: SessionRecord): void {
    const before = this.#byId.get(session.id);
    if (before && !session.deleting && byPlace(before, session) === 0) {
      this.#replace(before, session); // the usual case: its place stays the same
      return;
    }
    if (before) this.#remove(before);
    if (session.deleting || (this.#end && byPlace(session, this.#end) > 0)) return;
    const n = this.#indexOf(session);
    if (n === this.#sorted.length) this.#sorted.push(session);
    else this.#sorted.splice(n, 0, session);
    this.#byId.set(session.id, session);
    this.#chars += charsIn(session);
    this.#keepLimits();
  }

  #replace(before: SessionRecord, session: SessionRecord): void {
    this.#sorted[this.#indexOf(session)] = session;
    this.#byId.set(session.id, session);
    this.#chars += charsIn(session) - charsIn(before);
    this.#keepLimits();
  }

  #keepLimits(): void {
    const { sessions, chars } = this.#limits;
    if (this.#sorted.length > spare * sessions || this.#chars > spare * chars) this.#shorten();
  }

  #remove(session: SessionRecord): void {
    this.#sorted.splice(this.#indexOf(session), 1);
    this.#byId.delete(session.id);
    this.#chars -= charsIn(session);
  }

  #shorten(): void {
    const { sessions, chars } = this.#limits;
    while (this.#sorted.length > 1 && (this.#sorted.length > sessions || this.#chars > chars)) {
      this.#remove(this.#sorted.at(-1) as SessionRecord);
    }
    this.#isCut = true;
    const last = this.#sorted.at(-1);
    this.#end = last && { latestMessageAt: last.latestMessageAt, id: last.id };
  }

  /** The index of this place, or where it would be inserted. */
  #indexOf(place: Place): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byPlace(this.#sorted[middle] as Place, place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Newest message first, then by id, so that sessions with equal times have a fixed order. */
export const byPlace = (a: Place, b: Place): number =>
  b.latestMessageAt - a.latestMessageAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

export const charsIn = ({ id, title, lastTask, latestMessage }: SessionRecord) =>
  id.length + title.length + lastTask.length + latestMessage.length;
