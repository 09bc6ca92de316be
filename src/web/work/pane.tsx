import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { activeTabId, isWorkPaneMaximized } from '../app/layout.ts';
import { connectionState } from '../data/server.ts';
import { currentSession, type Session } from '../data/sessions.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { IconButton } from '../parts/kit/button.tsx';
import { Tabs, tabElementIdOf } from '../parts/kit/tabs.tsx';
import { ChunkLoadError } from '../parts/part-not-loaded.tsx';
import { t } from '../text/text.ts';
import { Divider } from './divider.tsx';
import { type WorkTab, workTabs } from './tabs.ts';

export function WorkPane() {
  const session = currentSession.value;
  if (!session) return <aside class="work" aria-label={t('work')} />;
  const shown = workTabs.filter(({ shows }) => shows?.(session) ?? true);
  const open = shown.find(({ id }) => id === activeTabId.value) ?? shown[0];
  return (
    <aside class="work stack" aria-label={t('work')}>
      <Divider />
      <div class="work-head border-bottom row">
        <Tabs
          label={t('work')}
          tabs={shown.map(({ id, label, icon, news }) => ({
            id,
            label: t(label),
            icon,
            news: news && <News count={news()} />,
          }))}
          open={open?.id}
          panel="work-panel"
          onOpen={(id) => {
            activeTabId.value = id;
          }}
        />
        <IconButton
          class="wide-only"
          icon="expand"
          label={t('fullWidth')}
          aria-pressed={isWorkPaneMaximized.value}
          onClick={() => {
            isWorkPaneMaximized.value = !isWorkPaneMaximized.value;
          }}
        />
      </div>
      <div id="work-panel" class="panel scrolls fill" role="tabpanel" aria-labelledby={open && tabElementIdOf(open.id)}>
        {open && <LazyTab key={`${open.id} ${session.id}`} tab={open} session={session} />}
      </div>
    </aside>
  );
}

const News = ({ count }: { count: number }) =>
  count === 0 ? null : (
    <span class="tab-news round bold small-text">
      {count}
      <span class="sr-only"> {t('tab.new')}</span>
    </span>
  );

function LazyTab({ tab, session }: { tab: WorkTab; session: Session }) {
  const [loaded, setLoaded] = useState<{ Tab?: ComponentType<{ session: Session }>; hasFailed?: boolean }>({});
  const load = () =>
    tab.load().then(
      (Tab) => setLoaded({ Tab }),
      (thrown: unknown) => {
        if (!(thrown instanceof TypeError)) reportError(thrown); // code that could not be downloaded is not an error in the page
        setLoaded({ hasFailed: true });
      },
    );
  const isConnected = connectionState.value === 'open';
  useEffect(() => void (loaded.Tab || load()), [tab, isConnected]);
  if (loaded.Tab) {
    return (
      <ErrorBoundary>
        <loaded.Tab session={session} />
      </ErrorBoundary>
    );
  }
  return loaded.hasFailed ? <ChunkLoadError again={load} /> : null;
}
