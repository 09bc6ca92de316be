import type { Event } from '../../../client/types.ts';
import type { TimelineLane } from '../../../core/model/event-traits.ts';

export const timelineLanes: readonly TimelineLane[] = ['person', 'model', 'tool', 'sandbox', 'problem'];

export interface TimelineColumn {
  /** Relative to the lane's fullest column: from 0 to 1. */
  readonly heights: Readonly<Record<TimelineLane, number>>;
}

export function toTimelineColumns(kinds: readonly TimelineLane[], most: number): TimelineColumn[] {
  const width = Math.max(1, Math.ceil(kinds.length / most));
  const counted: Record<TimelineLane, number>[] = [];
  const fullest: Record<TimelineLane, number> = noCounts();
  for (let from = 0; from < kinds.length; from += width) {
    const counts = noCounts();
    for (let at = from; at < Math.min(from + width, kinds.length); at++) counts[kinds[at] as TimelineLane]++;
    for (const lane of timelineLanes) fullest[lane] = Math.max(fullest[lane], counts[lane]);
    counted.push(counts);
  }
  return counted.map((counts) => {
    const heights = noCounts();
    for (const lane of timelineLanes) heights[lane] = fullest[lane] === 0 ? 0 : counts[lane] / fullest[lane];
    return { heights };
  });
}

const noCounts = (): Record<TimelineLane, number> => ({ person: 0, model: 0, tool: 0, sandbox: 0, problem: 0 });

export function findTurnAt(events: readonly Event[], shown: number): number | undefined {
  const turnOf = (event: Event | undefined) => (event?.type === 'usage' ? event.data.turn : undefined);
  const hasTurn = (event: Event) => turnOf(event) !== undefined;
  const next = events.slice(Math.max(0, shown - 1)).find((event) => hasTurn(event) || event.type === 'run.end');
  return turnOf(next) ?? turnOf(events.slice(0, shown).findLast(hasTurn));
}
