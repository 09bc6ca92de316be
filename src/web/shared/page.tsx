import { useEffect } from 'preact/hooks';
import { ConversationItems } from '../conversation/items.tsx';
import { SessionPlan } from '../conversation/plan.tsx';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { formatMoment } from '../parts/format.ts';
import { Icon } from '../parts/kit/icon.tsx';
import { t } from '../text/text.ts';
import { SharedFiles } from './files.tsx';
import { sharedModel, sharedSummary, shareState } from './session.ts';

export function SharedPage() {
  const summary = sharedSummary.value;
  const title = summary?.title || t('shared.title');
  useEffect(() => {
    document.title = `${title} · Corral`;
  }, [title]);
  if (shareState.value === 'unfit') {
    return (
      <main class="shared roomy shared-none stack">
        <Icon name="warning" size={28} />
        <h1>{t('shared.unfit')}</h1>
        <p class="quiet">{t('shared.unfitTells')}</p>
      </main>
    );
  }
  return (
    <main class="shared roomy stack">
      <header class="row border-bottom">
        <img src="/static/icon.svg" alt="" width="26" height="26" />
        <div>
          <h1 dir="auto">{title}</h1>
          <p class="quiet small-text" role="status">
            {shareState.value === 'offline'
              ? t('shared.offline')
              : summary
                ? t('shared.about', { time: formatMoment(summary.expiresAt) })
                : t('loading')}
          </p>
        </div>
      </header>
      {summary && (
        <>
          <ErrorBoundary instead={null}>
            <SessionPlan model={sharedModel} />
          </ErrorBoundary>
          {sharedModel.items.value.length === 0 && <p class="quiet empty">{t('shared.empty')}</p>}
          <ErrorBoundary instead={<p class="quiet">{t('notDrawn')}</p>}>
            <ConversationItems model={sharedModel} sessionId={undefined} />
          </ErrorBoundary>
          {summary.files && (
            <ErrorBoundary instead={<p class="quiet">{t('notDrawn')}</p>}>
              <SharedFiles />
            </ErrorBoundary>
          )}
        </>
      )}
    </main>
  );
}
