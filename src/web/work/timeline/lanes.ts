import type { Event } from '../../../client/types.ts';

// The scrubber shows a log in a few hundred columns, however many events there are.

export const lanes = ['person', 'model', 'tool', 'sandbox', 'problem'] as const;
export type Lane = (typeof lanes)[number];

const laneOfType: Partial<Record<Event['type'], Lane>> = {
  'message.user': 'person',
  'approval.resolved': 'person',
  'run.started': 'person',
  title: 'model',
  'message.delta': 'model',
  'message.assistant': 'model',
  plan: 'model',
  step: 'model',
  usage: 'model',
  'context.compacted': 'model',
  'run.wait': 'model',
  'approval.requested': 'model',
  'tool.calling': 'tool',
  'tool.output': 'tool',
  'tool.called': 'tool',
  'run.error': 'problem',
  'run.notice': 'problem',
  'sandbox.untrusted': 'problem',
};

export function laneOf(event: Event): Lane {
  if (event.type === 'tool.called' && !event.data.success) return 'problem';
  if (event.type === 'egress' && event.data.decision === 'refused') return 'problem';
  if (event.type === 'run.end' && event.data.status === 'failed') return 'problem';
  return laneOfType[event.type] ?? 'sandbox';
}

export interface Column {
  /** The number of events of each lane, as a part of the fullest column of that lane: from 0 to 1. */
  readonly heights: Readonly<Record<Lane, number>>;
}

/** Divides a log into columns of equally many events. A log with fewer events has one column for each. */
export function columnsOf(kinds: readonly Lane[], most: number): Column[] {
  const width = Math.max(1, Math.ceil(kinds.length / most));
  const counted: Record<Lane, number>[] = [];
  const fullest: Record<Lane, number> = noCounts();
  for (let from = 0; from < kinds.length; from += width) {
    const counts = noCounts();
    for (let at = from; at < Math.min(from + width, kinds.length); at++) counts[kinds[at] as Lane]++;
    for (const lane of lanes) fullest[lane] = Math.max(fullest[lane], counts[lane]);
    counted.push(counts);
  }
  return counted.map((counts) => {
    const heights = noCounts();
    for (const lane of lanes) heights[lane] = fullest[lane] === 0 ? 0 : counts[lane] / fullest[lane];
    return { heights };
  });
}

const noCounts = (): Record<Lane, number> => ({ person: 0, model: 0, tool: 0, sandbox: 0, problem: 0 });
