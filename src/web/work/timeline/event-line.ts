import type { Event } from '../../../client/types.ts';
import { eventLabelOf, eventSummaryOf, eventTraits } from '../../../core/model/event-traits.ts';
import { toPhaseTextKey, toRunEndTextKey } from '../../conversation/notes.tsx';
import { formatCount, formatDuration, formatUsd } from '../../parts/format.ts';
import { currentTemplateNameOf } from '../../sessions/templates.ts';
import { t, translateFailure, translateServerText } from '../../text/text.ts';

const maxLine = 300; // characters

export const formatEventLine = (event: Event): string =>
  describeEvent(event).slice(0, maxLine).replace(/\s+/g, ' ').trim();

/** Translates most lines. The others contain text from users or programs, and come from `eventSummaryOf`. */
function describeEvent(event: Event): string {
  switch (event.type) {
    case 'step':
      return `${t(`mark.${event.data.status}`)}: ${event.data.description}`;
    case 'tool.called': {
      const { function: name, success, output } = event.data;
      return `${name} ${t(success ? 'line.done' : 'line.failed')}: ${output.slice(0, maxLine)}`;
    }
    case 'run.resumed':
      return t(event.data.messageId === undefined ? 'line.afterDecision' : 'line.afterMessage');
    case 'approval.resolved': {
      const { decision, by, text } = event.data;
      return `${t(`line.${decision}`, { by })}${text === undefined ? '' : `: ${text}`}`;
    }
    case 'run.error':
      return translateFailure(event.data.error);
    case 'run.end':
      return t(toRunEndTextKey(event.data));
    case 'goal':
      return goalWords(event.data);
    case 'session.created':
      return t('line.created', { ...event.data, template: currentTemplateNameOf(event.data.template) });
    case 'session.forked':
      return t('line.forked', event.data);
    case 'session.updated': {
      const { status, title, archived, attempt, ...fields } = event.data;
      const words =
        status && t(`status.${status === 'pending' ? 'new' : status === 'completed' ? 'finished' : status}`);
      const place = archived === undefined ? undefined : t(archived ? 'line.archived' : 'line.unarchived');
      const names = (Object.keys(fields) as (keyof typeof fields)[]).map((name) => t(`line.changed.${name}`));
      const taken = attempt === undefined ? undefined : t('attempts.taken', { n: String(attempt) });
      return [words, title, place, taken, ...names].filter(Boolean).join(', ');
    }
    case 'sandbox.phase': {
      const { phase, detail, ms, ended = [] } = event.data;
      const parts = [t(toPhaseTextKey(phase)), detail && translateServerText(detail)];
      if (ended.length > 0) parts.push(t('phase.ended', { commands: ended.join(', ') }));
      if (ms !== undefined) parts.push(formatDuration(ms));
      return parts.filter(Boolean).join(' · ');
    }
    case 'egress': {
      const { decision, host, port, rule } = event.data;
      return `${t(`line.${decision}`)}: ${host}:${port} (${translateServerText(rule)})`;
    }
    case 'context.compacted': {
      const { before, after } = event.data;
      return t('compacted.sizes', { before: formatCount(before), after: formatCount(after) });
    }
    case 'usage': {
      const { model, inputTokens, outputTokens, cost } = event.data;
      const sizes = t('line.tokens', { read: formatCount(inputTokens), written: formatCount(outputTokens) });
      return `${model}: ${sizes}${cost === undefined ? '' : ` · ${formatUsd(cost)}`}`;
    }
    default:
      return translateServerText(eventSummaryOf(event));
  }
}

function goalWords(data: Extract<Event, { type: 'goal' }>['data']): string {
  if (data.kind === 'judged') {
    return `${t(data.feedback ? 'goal.back' : `goal.${data.result}`)} ${translateServerText(data.reason)}`;
  }
  const what = data.command ?? t('goal.grader');
  if (data.kind === 'checking') return t('line.checking', { what });
  const code = data.exitCode === undefined ? '' : ` · ${t('tool.exit', { code: data.exitCode })}`;
  return `${t(`goal.check.${data.result}`, { what })}${data.result === 'passed' ? '' : `${code}: ${data.detail}`}`;
}

/** A newer server may send event types that this page does not know. */
export const eventNameOf = (event: Event): string =>
  Object.hasOwn(eventTraits, event.type) ? t(`event.${event.type}`) : eventLabelOf(event);
