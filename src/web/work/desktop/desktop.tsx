import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { mutateWithRetry, query, toErrorText } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { formatDuration } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { EmptyState } from '../../parts/kit/empty.tsx';
import { LoadPlaceholder } from '../../parts/kit/trouble.tsx';
import { useBusyAction } from '../../parts/notice.tsx';
import { t, translateServerText } from '../../text/text.ts';
import { useSandboxChanges } from '../sandbox-state.tsx';

const buildLookMs = 3_000;

export function DesktopPane({ session: { id: sessionId } }: { session: Session }) {
  const [view, setView] = useState<Outputs['desktop']['status']>();
  const [isStarting, act] = useBusyAction();
  const [problem, setProblem] = useState('');
  const look = async () => {
    setProblem('');
    await query('desktop.status', { sessionId }).then(setView, (thrown: unknown) => {
      setView(undefined);
      setProblem(toErrorText(thrown));
    });
  };
  useSandboxChanges(sessionId, look, ['desktop', 'sandbox.phase']);
  const isBuilding = view?.state === 'unsupported' && view.offer.state === 'building';
  useEffect(() => {
    if (!isBuilding) return;
    const timer = setInterval(look, buildLookMs);
    return () => clearInterval(timer);
  }, [isBuilding]);
  const begin = (path: 'desktop.start' | 'desktop.add') =>
    act(t('desktop.notStarted'), async () => setView(await mutateWithRetry(path, { sessionId })));
  const renderButton = (path: 'desktop.start' | 'desktop.add') => (
    <Button
      icon="screen"
      label={t(isStarting ? 'desktop.starting' : path)}
      disabled={isStarting}
      onClick={() => begin(path)}
    />
  );
  if (!view) return <LoadPlaceholder problem={problem} again={look} />;
  if (view.state === 'unsupported') {
    const { state, detail, seconds } = view.offer;
    const time = seconds === undefined ? '' : formatDuration(seconds * 1_000);
    const more = [detail && translateServerText(detail), time].filter(Boolean).join(', ');
    return (
      <EmptyState key="unsupported" text={t('desktop.none')} role="status">
        {state !== 'none' && <p class="quiet">{t(`desktop.offer.${state}`)}</p>}
        {more !== '' && <p class="quiet">{more}</p>}
        {state === 'ready' && renderButton('desktop.add')}
      </EmptyState>
    );
  }
  if (view.state === 'stopped')
    return <EmptyState text={t('desktop.stopped')}>{renderButton('desktop.start')}</EmptyState>;
  return (
    <section class="desktop-tab" aria-label={t('tab.desktop')}>
      <iframe src={`/sessions/${sessionId}/desktop?pane`} title={t('desktop.title')} />
    </section>
  );
}
