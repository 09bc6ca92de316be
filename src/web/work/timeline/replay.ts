// The clock of a replay. A pause in which nothing happened is cut short, so that a night between two messages does not
// have to be watched.

export const speeds = [1, 4, 16] as const;
export type Speed = (typeof speeds)[number];

/** The longest pause of the replay, in its own time. */
export const longestPauseMs = 2_000;

interface Timed {
  readonly ts: number;
}

/** The time between two events in the replay. */
export const pauseBetween = (before: Timed | undefined, after: Timed | undefined): number =>
  before && after ? Math.min(longestPauseMs, Math.max(0, after.ts - before.ts)) : 0;

export interface Progress {
  /** How many events have been shown. */
  readonly shown: number;
  /** The part of the next pause that has passed. */
  readonly waitedMs: number;
}

/** The progress after so much time of the person. */
export function advance(events: readonly Timed[], from: Progress, passedMs: number, speed: Speed): Progress {
  let { shown, waitedMs } = from;
  waitedMs += passedMs * speed;
  while (shown < events.length) {
    const pause = pauseBetween(events[shown - 1], events[shown]);
    if (waitedMs < pause) return { shown, waitedMs };
    waitedMs -= pause;
    shown++;
  }
  return { shown, waitedMs: 0 };
}

/** The next place of a kind after or before one, as a number of shown events; undefined: there is none. */
export function findPlace<Item>(
  events: readonly Item[],
  shown: number,
  { by, is }: { readonly by: 1 | -1; readonly is: (event: Item) => boolean },
): number | undefined {
  for (let at = shown - 1 + by; at >= 0 && at < events.length; at += by) {
    if (is(events[at] as Item)) return at + 1;
  }
  return undefined;
}

/** Pieces of texts that arrive many times a second: a step goes over them. */
export const isPiece = ({ type }: { readonly type: string }): boolean =>
  type === 'message.delta' || type === 'tool.output';
