// Shortens long pauses, because a night between two messages would stall the replay.

export const replaySpeeds = [1, 4, 16] as const;
export type ReplaySpeed = (typeof replaySpeeds)[number];

/** Maximum pause at speed 1. */
export const maxReplayPauseMs = 2_000;

interface Timed {
  readonly ts: number;
}

const computeReplayPause = (before: Timed | undefined, after: Timed | undefined): number =>
  before && after ? Math.min(maxReplayPauseMs, Math.max(0, after.ts - before.ts)) : 0;

interface ReplayProgress {
  readonly shown: number;
  readonly waitedMs: number;
}

export function advanceReplay(
  events: readonly Timed[],
  from: ReplayProgress,
  passedMs: number,
  speed: ReplaySpeed,
): ReplayProgress {
  let { shown, waitedMs } = from;
  waitedMs += passedMs * speed;
  while (shown < events.length) {
    const pause = computeReplayPause(events[shown - 1], events[shown]);
    if (waitedMs < pause) return { shown, waitedMs };
    waitedMs -= pause;
    shown++;
  }
  return { shown, waitedMs: 0 };
}

/** Position as the number of events shown. Undefined if no event matches. */
export function findReplayPosition<Item>(
  events: readonly Item[],
  shown: number,
  { by, is }: { readonly by: 1 | -1; readonly is: (event: Item) => boolean },
): number | undefined {
  for (let at = shown - 1 + by; at >= 0 && at < events.length; at += by) {
    if (is(events[at] as Item)) return at + 1;
  }
  return undefined;
}

export const isTextDelta = ({ type }: { readonly type: string }): boolean =>
  type === 'message.delta' || type === 'tool.output';
