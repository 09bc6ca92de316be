import type { Event } from '../../../client/types.ts';

/** One line about an event, in the words of the log. */
export function describe(event: Event): string {
  switch (event.type) {
    case 'message.user':
    case 'message.delta':
    case 'message.assistant':
    case 'tool.output':
      return oneLine(event.data.text);
    case 'run.started':
      return oneLine(event.data.task);
    case 'title':
      return oneLine(event.data.title);
    case 'plan':
      return event.data.steps.map(({ description }) => description).join(' · ');
    case 'step':
      return `${event.data.status}: ${event.data.description}`;
    case 'tool.calling':
      return `${event.data.function} ${oneLine(mainOf(event.data.args))}`;
    case 'tool.called':
      return `${event.data.function} ${event.data.success ? 'ok' : 'failed'} ${oneLine(event.data.output)}`;
    case 'run.wait':
      return oneLine(event.data.question);
    case 'run.end':
      return event.data.reason;
    case 'run.error':
      return oneLine(event.data.error);
    case 'run.notice':
    case 'sandbox.disk_exceeded':
    case 'sandbox.untrusted':
    case 'desktop':
      return oneLine(event.data.detail);
    case 'sandbox.phase':
      return [event.data.phase, event.data.detail].filter(Boolean).join(': ');
    case 'egress':
      return `${event.data.decision} ${event.data.host}:${event.data.port}`;
    case 'usage':
      return `${event.data.model}: ${event.data.inputTokens} → ${event.data.outputTokens}`;
    default:
      return '';
  }
}

const mainOf = (args: Readonly<Record<string, unknown>>): string =>
  String(args.command ?? args.file ?? args.url ?? args.query ?? args.text ?? '');

const oneLine = (text: string): string => text.slice(0, 300).replace(/\s+/g, ' ').trim();

/** The number of the model's turn to which the event belongs: the turn whose usage comes next, else the one before. */
export function turnAt(events: readonly Event[], shown: number): number | undefined {
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
