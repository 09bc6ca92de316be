import { useContext } from 'preact/hooks';
import { noticeOf } from '../../core/model/event-traits.ts';
import { send } from '../data/actions.ts';
import type { EndItem, EventItem, PhaseItem, WaitItem } from '../data/items.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { boundedLine } from '../parts/bounded-text.ts';
import { Button } from '../parts/button.tsx';
import { count, duration, price, short } from '../parts/format.ts';
import { Icon } from '../parts/icon.tsx';
import { attempt } from '../parts/notice.tsx';
import { openSettings } from '../settings/open.tsx';
import { ForkButton, ForkNote } from '../sharing/fork.tsx';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { Live } from './live.ts';
import { Elapsed } from './tool-card.tsx';

// The lines between messages and tool calls: what waits, what failed, what ended, what the server did.

export function WaitNote({ item }: { item: WaitItem }) {
  if (!item.isOpen.value) return null;
  const { reason = 'question', spent, budget } = item.data;
  const used = spent ? t('soFar', { turns: spent.turns, tokens: count(spent.tokens), cost: price(spent.cost) }) : '';
  return (
    <div class="note wait" role="status">
      <Icon name="bell" />
      <div>
        <p>
          {t(reason === 'budget' ? 'wait.budget' : reason === 'stuck' ? 'wait.stuck' : 'wait.question')}
          {reason === 'budget' && ` ${used}`}
        </p>
        {budget && (
          <p class="quiet">
            {t('wait.limit', {
              kind: t(`budget.${budget.kind}`),
              used: count(budget.used),
              limit: count(budget.limit),
            })}
          </p>
        )}
      </div>
    </div>
  );
}

export const ErrorNote = ({ text }: { text: string }) => (
  <div class="note bad" role="alert">
    <Icon name="warning" />
    <p>{boundedLine(text)}</p>
  </div>
);

export const Thoughts = ({ text }: { text: string }) => (
  <details class="aside thoughts">
    <summary>{t('thoughts')}</summary>
    <Markdown text={text} />
  </details>
);

const phases = new Map<string, TextKey>(
  Object.entries({
    queued: 'phase.queued',
    image: 'phase.image',
    starting: 'phase.starting',
    ready: 'phase.ready',
    paused: 'phase.paused',
    resumed: 'phase.resumed',
    lost: 'phase.lost',
    released: 'phase.released',
  }),
);

export function PhaseNote({ item }: { item: PhaseItem }) {
  const { phase, detail, ms } = item.phase.value;
  const isLive = useContext(Live);
  const isMoving = phase === 'queued' || phase === 'image' || phase === 'starting';
  return (
    <p class={`aside phase ${phase === 'lost' ? 'lost' : ''}`}>
      {isMoving && isLive && <span class="dot" data-status="running" aria-hidden="true" />}
      <span>
        {t(phases.get(phase) ?? 'phase.starting')}
        {detail ? ` · ${boundedLine(detail)}` : ''}
        {ms !== undefined && !isMoving ? ` · ${duration(ms)}` : ''}
      </span>
      {isMoving && <Elapsed since={item.at} />}
    </p>
  );
}

const shortened = {
  results: 'compacted.results',
  pictures: 'compacted.pictures',
  summary: 'compacted.summary',
  cut: 'compacted.cut',
} as const;

export function EventNote({ event }: { event: EventItem['event'] }) {
  switch (event.type) {
    case 'context.compacted': {
      const { kind, before, after, summary } = event.data;
      const head = `${t(shortened[kind])} ${t('compacted.sizes', { before, after })}`;
      if (!summary) return <p class="aside">{head}</p>;
      return (
        <details class="aside compacted">
          <summary>{head}</summary>
          <Markdown text={summary} />
        </details>
      );
    }
    case 'egress': {
      const { host, port, rule } = event.data;
      return (
        <p class="aside refused">
          <Icon name="shield" size={15} />
          <span>{t('egressRefused', { host: `${host}:${port}`, rule })}</span>
          <Button kind="quiet" class="small" onClick={() => openSettings('network')}>
            {t('allowHost')}
          </Button>
        </p>
      );
    }
    case 'session.forked':
      return <ForkNote event={event} />;
    case 'desktop':
      return <p class="aside">{t(event.data.kind === 'control_taken' ? 'controlTaken' : 'controlReturned')}</p>;
    case 'sandbox.untrusted':
      return <ErrorNote text={`${t('sandboxUntrusted')} ${event.data.detail}`} />;
    default:
      return <p class="aside">{boundedLine(noticeOf(event)?.text ?? '')}</p>;
  }
}

/** How a run ended, in words, and what to do next where it did not finish. */
export function EndNote({ item, isLive }: { item: EndItem; isLive: boolean }) {
  const { data, ms, used } = item;
  const resend = (text: string) => () => attempt(t('notSent'), () => send({ text }));
  const took = ms === undefined ? '' : ` ${t('endedIn', { time: duration(ms) })}`;
  const kind = data.reason === 'superseded' ? 'superseded' : data.status;
  return (
    <div class="ended" data-status={data.reason === 'expired' ? 'expired' : data.status}>
      <p>
        <strong>{t(endWord(data))}</strong>
        {kind === 'superseded' ? '' : took}
        {used.turns > 0 && (
          <span class="quiet">
            {' · '}
            {t('tokensShort', { n: short(used.inputTokens + used.outputTokens) })}
            {used.cost !== undefined && used.cost > 0 && ` · ${price(used.cost)}`}
          </span>
        )}
      </p>
      {data.code && <p class="quiet">{reasonOf(data.code, data.retryable)}</p>}
      {isLive && (
        <div class="row">
          {(kind === 'failed' || kind === 'stopped') && (
            <>
              <Button icon="retry" onClick={resend(data.task)}>
                {t('retry')}
              </Button>
              <Button onClick={resend(t('continueText'))}>{t('continue')}</Button>
            </>
          )}
          <ForkButton seq={item.seq} />
        </div>
      )}
    </div>
  );
}

function endWord({ status, reason }: EndItem['data']): TextKey {
  if (reason === 'superseded') return 'end.superseded';
  if (reason === 'expired') return 'end.expired';
  if (reason === 'deleted') return 'end.deleted';
  return `end.${status}`;
}

const reasons = new Map<string, TextKey>(
  Object.entries({
    model_unauthorized: 'why.modelKey',
    model_quota: 'why.modelQuota',
    model_overloaded: 'why.modelBusy',
    model_unavailable: 'why.modelBusy',
    model_unknown: 'why.modelUnknown',
    sandbox_capacity: 'why.capacity',
    sandbox_lost: 'why.sandboxLost',
    sandbox_unavailable: 'why.sandboxLost',
    stuck: 'why.stuck',
    disk_full: 'why.disk',
    deadline_exceeded: 'why.time',
  }),
);

/** A failure's code in words: a code without a text of its own says its name. */
function reasonOf(code: string, isRetryable = false): string {
  const key = reasons.get(code);
  const told = key ? t(key) : t('why.code', { code: code.replaceAll('_', ' ') });
  return isRetryable ? `${told} ${t('why.retry')}` : told;
}
