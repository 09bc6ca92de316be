import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { onEvent } from '../../data/log.ts';
import { query, repeatable } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { Button } from '../../parts/button.tsx';
import { Icon } from '../../parts/icon.tsx';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';

type View = Outputs['desktop']['status'];
const settleMs = 300;

/** The tab: the sandbox's screen with its controls, or the offer to start one. Opening the tab starts nothing. */
export function Desktop({ session: { id: sessionId } }: { session: Session }) {
  const [view, setView] = useState<View>();
  const [isStarting, setStarting] = useState(false);
  const look = () => query('desktop.status', { sessionId }).then(setView, () => setView(undefined));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    void look();
    const end = onEvent(({ type }) => {
      if (type !== 'desktop' && type !== 'sandbox.phase') return;
      clearTimeout(timer);
      timer = setTimeout(look, settleMs);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [sessionId]);
  const start = async () => {
    setStarting(true);
    await attempt(t('desktop.start'), async () => setView(await repeatable('desktop.start', { sessionId })));
    setStarting(false);
  };
  if (!view) return <p class="quiet empty">{t('files.loading')}</p>;
  if (view.state === 'unsupported') return <p class="quiet empty">{t('desktop.none')}</p>;
  if (view.state === 'stopped') {
    return (
      <div class="empty">
        <p class="quiet">{t('desktop.stopped')}</p>
        <Button icon="screen" disabled={isStarting} onClick={start}>
          {t(isStarting ? 'desktop.starting' : 'desktop.start')}
        </Button>
      </div>
    );
  }
  const address = `/sessions/${sessionId}/desktop`;
  return (
    <section class="desktop-tab" aria-label={t('tab.desktop')}>
      <iframe src={`${address}?pane`} title={t('desktop.title')} />
      <p class="work-bar end">
        <span class="quiet">{t(view.controller === null ? 'desktop.agentHas' : 'desktop.personHas')}</span>
        <span class="bar-space" />
        <a class="button quiet" href={address} target="_blank" rel="noreferrer">
          <Icon name="screen" size={16} /> {t('desktop.open')}
        </a>
      </p>
    </section>
  );
}
