import type { Event } from '../client/index.ts';
import { oneLine } from './io.ts';
import { callText, phaseText } from './render.ts';

/** An event in words, on one line. */
export function eventText(event: Event): string {
  switch (event.type) {
    case 'message.user':
    case 'message.assistant':
    case 'message.delta':
    case 'tool.output':
      return oneLine(event.data.text, 100);
    case 'plan':
      return event.data.steps.map(({ description }) => oneLine(description, 40)).join(', ');
    case 'step':
      return `${event.data.status}: ${oneLine(event.data.description, 80)}`;
    case 'tool.calling':
    case 'approval.requested':
      return oneLine(callText(event.data), 100);
    case 'approval.resolved':
      return `${event.data.decision} by ${oneLine(event.data.by, 40)}${noted(event.data.text)}`;
    case 'tool.called':
      return `${event.data.success ? 'done' : 'failed'}: ${oneLine(event.data.output, 80)}`;
    case 'sandbox.phase':
      return phaseText(event.data);
    case 'sandbox.untrusted':
    case 'sandbox.disk_exceeded':
    case 'run.notice':
    case 'desktop':
      return oneLine(event.data.detail, 150);
    case 'run.started':
      return oneLine(event.data.task, 100);
    case 'run.wait':
      return oneLine(event.data.question, 100);
    case 'run.resumed':
      return event.data.messageId === undefined ? 'after a decision' : 'after a message';
    case 'run.error':
      return oneLine(event.data.error, 150);
    case 'run.end':
      return event.data.status === event.data.reason ? event.data.status : `${event.data.status}: ${event.data.reason}`;
    case 'title':
      return oneLine(event.data.title, 100);
    case 'session.created':
      return `by ${event.data.origin}, from the template ${event.data.template}`;
    case 'session.forked':
      return `from ${event.data.from} at ${event.data.atSeq} to ${event.data.to}, files: ${event.data.files}`;
    case 'session.updated':
      return changesOf(event.data);
    case 'egress':
      return `${event.data.decision} ${oneLine(event.data.host, 80)}:${event.data.port} (${event.data.rule})`;
    case 'context.compacted':
      return `${event.data.kind}: about ${event.data.before} tokens became ${event.data.after}`;
    case 'usage':
      return usageText(event.data);
  }
  return ''; // a newer server has events that this command does not know
}

const noted = (text: string | undefined) => (text === undefined ? '' : `: ${oneLine(text, 80)}`);

const changesOf = ({ title, status }: Extract<Event, { type: 'session.updated' }>['data']) =>
  [status ?? [], title === undefined ? [] : oneLine(title, 80)].flat().join(', ');

function usageText({ model, inputTokens, outputTokens, cost }: Extract<Event, { type: 'usage' }>['data']): string {
  const price = cost === undefined ? '' : `, ${cost.toFixed(4)}`;
  return `${oneLine(model, 60)}: ${inputTokens} tokens in, ${outputTokens} out${price}`;
}
