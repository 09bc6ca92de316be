import type { Item } from '../data/items.ts';
import { Plain } from '../markdown/plain.tsx';
import { t } from '../text/text.ts';

/** An item that could not be drawn: its text as it is. */
export const PlainItem = ({ item }: { item: Item }) => (
  <article class="said" aria-label={t(item.kind === 'user' ? 'you' : 'agent')} data-seq={item.seq}>
    <Plain text={textOf(item)} />
  </article>
);

function textOf(item: Item): string {
  switch (item.kind) {
    case 'user':
    case 'error':
    case 'thoughts':
      return String(item.text);
    case 'assistant':
      return String(item.text.peek());
    case 'step':
      return String(item.description);
    case 'tool':
      return [item.name, written(item.args), item.state.peek().called?.output].join('\n');
    case 'approval':
      return written(item.request);
    case 'event':
      return written(item.event.data);
    case 'retry':
      return String(item.state.peek().detail);
    case 'phase':
      return written(item.phase.peek());
    default:
      return written(item.data);
  }
}

/** Writes the value as JSON, unless it is nested too deeply for that. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value, null, 2) ?? '';
  } catch {
    return '';
  }
}
