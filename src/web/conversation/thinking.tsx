import type { Item } from '../data/items.ts';
import { model } from '../data/log.ts';
import { short } from '../parts/format.ts';
import { Mark } from '../parts/status.tsx';
import { t } from '../text/text.ts';
import { Live } from './live.ts';
import { Elapsed } from './tool-card.tsx';

/** Shows that the agent works while nothing else of the conversation moves: for how long, and what the run has used. */
export function Thinking() {
  const run = model.run.value;
  const last = model.items.value.at(-1);
  if (run.kind !== 'running' || moves(last)) return null;
  const { inputTokens, outputTokens } = model.runUsed.value;
  const tokens = inputTokens + outputTokens;
  return (
    <p class="thinking quiet">
      <Mark status="running" /> <span role="status">{t('thinking')}</span>
      <Live.Provider value>
        <Elapsed since={Math.max(run.since, last?.at ?? 0)} />
      </Live.Provider>
      {tokens > 0 && <span>{t('tokensShort', { n: short(tokens) })}</span>}
    </p>
  );
}

/** Whether the newest item shows by itself that something happens. */
function moves(item: Item | undefined): boolean {
  if (item?.kind === 'assistant') return item.isTyping.value;
  if (item?.kind === 'tool') return item.state.value.status === 'running';
  if (item?.kind === 'retry') return !item.state.value.isOver;
  return item?.kind === 'phase' && item.phase.value.phase !== 'ready';
}
