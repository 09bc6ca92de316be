import type { Event } from '../../../client/types.ts';

/** Turn of an event: the turn whose usage comes next in the same run, or else the previous turn. */
export function findTurnAt(events: readonly Event[], shown: number): number | undefined {
  const turnOf = (event: Event | undefined) => (event?.type === 'usage' ? event.data.turn : undefined);
  for (let at = Math.max(0, shown - 1); at < events.length; at++) {
    const turn = turnOf(events[at]);
    if (turn !== undefined) return turn;
    if (events[at]?.type === 'run.end') break;
  }
  for (let at = shown - 1; at >= 0; at--) {
    const turn = turnOf(events[at]);
    if (turn !== undefined) return turn;
  }
  return undefined;
}
