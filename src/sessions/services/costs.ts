import { z } from 'zod';
import { isNoteEvent } from '../../core/model/event-traits.ts';
import { type SessionEvent, StepStatus } from '../../core/model/events.ts';
import { addAmounts } from '../../core/model/spending.ts';
import { findTitleLine, truncateEnd } from '../../core/text/text.ts';

const EventCost = z.object({
  turns: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  reasoningTokens: z.int(),
  /** In the currency of the price list. Null if a model's price is unknown. */
  cost: z.number().nullable(),
});
type EventCost = z.infer<typeof EventCost>;
const CausedCost = EventCost.extend({
  /** Null for turns that precede the first event. */
  seq: z.int().nullable(),
  type: z.string().nullable(),
  /** A detail of the event, such as the tool's name. */
  about: z.string(),
});
type CausedCost = z.infer<typeof CausedCost>;
export const SessionCost = z.object({
  total: EventCost,
  /** In event order. Events that caused no turns are omitted. */
  events: z.array(CausedCost).readonly(),
  /** Grouped by kind of event and, for tool results, by tool. Most expensive first. */
  kinds: z.array(EventCost.extend({ kind: z.string() })).readonly(),
});
type SessionCost = z.infer<typeof SessionCost>;

type Usage = Extract<SessionEvent, { type: 'usage' }>;
type CostCause = Pick<CausedCost, 'seq' | 'type' | 'about'>;

const nothing: EventCost = { turns: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0, cost: 0 };
const noCause: CostCause = { seq: null, type: null, about: '' };
const shownLength = 80;

/** Attributes each turn to the last event it waited for. A fork's copied turns are not its own. */
export async function computeSessionCost(history: AsyncIterable<SessionEvent>): Promise<SessionCost> {
  let total = nothing;
  let events: CausedCost[] = [];
  const kinds = new Map<string, EventCost>();
  let cause = noCause;
  let next = noCause;
  let speaking = false;
  let before: Usage | undefined;
  const add = ({ data }: Usage, caused: CostCause) => {
    const last = events.at(-1);
    total = plus(total, data);
    if (last && last.seq === caused.seq) events[events.length - 1] = { ...last, ...plus(last, data) };
    else events.push({ ...caused, ...plus(nothing, data) });
    const kind = kindOf(caused);
    kinds.set(kind, plus(kinds.get(kind) ?? nothing, data));
  };
  const settle = () => {
    if (before) add(before, cause);
    before = undefined;
  };
  for await (const event of history) {
    if (event.type === 'message.delta') {
      if (!speaking) settle();
      if (!speaking) cause = next;
      speaking = true;
    } else if (event.type === 'usage') {
      settle();
      if (!speaking) cause = next;
      speaking = false;
      before = event;
    } else if (event.type === 'context.compacted') {
      // A summary's usage comes directly before its compaction.
      if (before && event.data.model !== null && before.seq === event.seq - 1) {
        add(before, { seq: event.seq, type: event.type, about: event.data.kind });
        before = undefined;
      }
    } else {
      settle();
      if (event.type === 'run.end') speaking = false; // a stopped reply has no usage
      next = causeIn(event) ?? next;
      if (event.type === 'session.forked' && event.data.to === event.sessionId) {
        [total, events] = [nothing, []];
        kinds.clear();
      }
    }
  }
  settle();
  const byKind = [...kinds].map(([kind, cost]) => ({ kind, ...cost }));
  return {
    total,
    events,
    kinds: byKind.toSorted((a, b) => (b.cost ?? 0) - (a.cost ?? 0) || b.inputTokens - a.inputTokens),
  };
}

function causeIn(event: SessionEvent): CostCause | undefined {
  if (isNoteEvent(event)) return undefined;
  const { seq, type, data } = event;
  switch (type) {
    case 'message.user':
      return { seq, type, about: truncateEnd(findTitleLine(data.text), shownLength) };
    case 'tool.called':
      return { seq, type, about: data.function };
    case 'approval.resolved':
      return { seq, type, about: data.decision };
    case 'plan':
      return { seq, type, about: data.steps.length === 1 ? '1 step' : `${data.steps.length} steps` };
    case 'step':
      return data.status === StepStatus.enum.running
        ? { seq, type, about: truncateEnd(data.description, shownLength) }
        : undefined;
    case 'run.started':
    case 'title':
    case 'message.delta':
    case 'message.assistant':
    case 'tool.calling':
    case 'tool.output':
    case 'approval.requested':
    case 'goal':
    case 'run.wait':
    case 'run.resumed':
    case 'run.notice':
    case 'run.error':
    case 'run.end':
    case 'sandbox.phase':
    case 'sandbox.untrusted':
    case 'usage':
      return undefined;
    default:
      void (type satisfies never);
      return undefined;
  }
}

const kindOf = ({ type, about }: CostCause): string =>
  type === null ? 'unknown' : type === 'tool.called' ? `${type} ${about}` : type;

const plus = (
  { turns, inputTokens, cachedTokens, outputTokens, reasoningTokens, cost }: EventCost,
  more: Usage['data'],
): EventCost => ({
  ...addAmounts({ turns, inputTokens, cachedTokens, outputTokens, reasoningTokens }, { ...more, turns: 1 }),
  cost: cost === null || more.cost === undefined ? null : cost + more.cost,
});
