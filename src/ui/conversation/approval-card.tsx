import { useState } from 'preact/hooks';
import { approve, reject } from '../data/actions.ts';
import type { ApprovalItem } from '../data/items.ts';
import { Button } from '../parts/button.tsx';
import { timeOf } from '../parts/format.ts';
import { Icon } from '../parts/icon.tsx';
import { t } from '../text/text.ts';
import { setAlways } from './always.ts';

/** A call that waits for permission: literally what it would do, and what the person can decide. */
export function ApprovalCard({ item, isLive }: { item: ApprovalItem; isLive: boolean }) {
  const { callId, function: name, args, expiresAt } = item.request;
  const sessionId = item.sessionId;
  const [isAsked, setAsked] = useState(false);
  const [note, setNote] = useState<string>();
  const decided = item.decided.value;
  const act = (work: () => Promise<unknown>) => async () => {
    setAsked(true);
    // Another person decided first, which the log reports soon; or the request failed, and can be repeated.
    await work().catch(() => setAsked(false));
  };
  const told = typeof args.command === 'string' ? args.command : JSON.stringify(args, null, 2);
  return (
    <section class={`approval ${decided ? 'decided' : ''}`} aria-label={t('approval')}>
      <p class="approval-head">
        <Icon name="shield" /> {t('approval.wants', { name })}
        {!decided && <span class="quiet"> {t('approval.until', { time: timeOf(expiresAt) })}</span>}
      </p>
      {item.request.reason && <p class="quiet">{item.request.reason}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long command scrolls, also by keyboard */}
      <pre class="console" tabIndex={0}>
        {told}
      </pre>
      {decided ? (
        <p class="quiet">{decidedText(decided)}</p>
      ) : note !== undefined ? (
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            void act(() => reject(sessionId, callId, note.trim() === '' ? undefined : note))();
          }}
        >
          <input
            class="field"
            aria-label={t('approval.note')}
            placeholder={t('approval.note')}
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
          />
          <Button type="submit" kind="danger" disabled={isAsked}>
            {t('approval.reject')}
          </Button>
        </form>
      ) : (
        isLive && (
          <div class="choices">
            <Button kind="quiet" disabled={isAsked} onClick={() => setNote('')}>
              {t('approval.rejectWith')}
            </Button>
            <Button disabled={isAsked} onClick={act(() => reject(sessionId, callId))}>
              {t('approval.reject')}
            </Button>
            <Button
              disabled={isAsked}
              title={t('approval.alwaysTells', { name })}
              onClick={act(async () => {
                setAlways(sessionId, name, true);
                await approve(sessionId, callId);
              })}
            >
              {t('approval.always')}
            </Button>
            <Button kind="primary" disabled={isAsked} onClick={act(() => approve(sessionId, callId))}>
              {t('approval.approve')}
            </Button>
          </div>
        )
      )}
    </section>
  );
}

type Decided = Exclude<ApprovalItem['decided']['value'], undefined>;

function decidedText(decided: Decided): string {
  if (decided === 'gone') return t('approval.gone');
  const by = decided.by !== '' && decided.by !== 'user' && decided.by !== 'timeout' ? ` (${decided.by})` : '';
  const word = { approved: t('approval.approved'), rejected: t('approval.rejected'), expired: t('approval.expired') };
  const said = decided.text ? ` “${decided.text}”` : '';
  return `${word[decided.decision]}${by}.${said}`;
}
