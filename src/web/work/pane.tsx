import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { activeTabId, isSidebarOpen, isWorkPaneMaximized } from '../app/layout.ts';
import { workPaneWidth } from '../data/prefs.ts';
import { connectionState } from '../data/server.ts';
import { currentSession, type Session } from '../data/sessions.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { IconButton } from '../parts/kit/button.tsx';
import type { IconName } from '../parts/kit/icon.tsx';
import { Tabs, tabElementIdOf } from '../parts/kit/tabs.tsx';
import { dismissError } from '../parts/notice.tsx';
import { ChunkLoadError } from '../parts/part-not-loaded.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { t } from '../text/text.ts';
import { unseenPorts } from './preview/state.ts';

export function WorkPane() {
  const session = currentSession.value;
  if (!session) return <aside class="work" aria-label={t('work')} />;
  const shown = workTabs.filter(({ shows }) => shows?.(session) ?? true);
  const open = shown.find(({ id }) => id === activeTabId.value) ?? shown[0];
  return (
    <aside class="work stack" inert={isSidebarOpen.value} aria-label={t('work')}>
      <Divider />
      <div class="work-head border-bottom row">
        <Tabs
          label={t('work')}
          tabs={shown.map(({ id, icon, news }) => ({
            id,
            label: t(`tab.${id}`),
            icon,
            news: news && <News count={news()} />,
          }))}
          open={open?.id}
          panel="work-panel"
          onOpen={(id) => {
            activeTabId.value = id;
            dismissError();
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
        if (!(thrown instanceof TypeError)) reportError(thrown); // a failed download is not an error in the page
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

interface WorkTab {
  readonly id: 'files' | 'ship' | 'preview' | 'terminal' | 'processes' | 'desktop' | 'timeline' | 'cost';
  readonly icon: IconName;
  readonly shows?: (session: Session) => boolean;
  readonly news?: () => number;
  readonly load: () => Promise<ComponentType<{ session: Session }>>;
}

export const workTabs: readonly WorkTab[] = [
  { id: 'files', icon: 'folder', load: async () => (await import('./files/files.tsx')).FilesPane },
  {
    id: 'ship',
    icon: 'upload',
    shows: ({ repositories, hasCheckpoints }) => repositories.length > 0 || hasCheckpoints,
    load: async () => (await import('./ship/ship.tsx')).ShipPane,
  },
  {
    id: 'preview',
    icon: 'globe',
    news: () => unseenPorts.value.size,
    load: async () => (await import('./preview/preview.tsx')).PreviewPane,
  },
  { id: 'terminal', icon: 'terminal', load: async () => (await import('./terminal/terminal.tsx')).TerminalsPane },
  { id: 'processes', icon: 'bars', load: async () => (await import('./processes/processes.tsx')).ProcessesPane },
  { id: 'desktop', icon: 'screen', load: async () => (await import('./desktop/desktop.tsx')).DesktopPane },
  { id: 'timeline', icon: 'clock', load: async () => (await import('./timeline/timeline.tsx')).TimelinePane },
  { id: 'cost', icon: 'coin', load: async () => (await import('./cost/cost.tsx')).CostPane },
];

export const isDraggingDivider = signal(false);
const least = 320;

function Divider() {
  if (workPaneWidth.value === 0) return null;
  const resize = (width: number) => {
    workPaneWidth.value = Math.round(Math.min(Math.max(width, least), innerWidth - 420));
  };
  return (
    <div
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label={t('resize')}
      aria-valuenow={workPaneWidth.value}
      aria-valuemin={least}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        isDraggingDivider.value = true;
      }}
      onPointerMove={(event) => isDraggingDivider.value && resize(innerWidth - event.clientX)}
      onPointerUp={() => {
        isDraggingDivider.value = false;
      }}
      onKeyDown={(event) => {
        const key = pressedKeyOf(event);
        if (key === 'ArrowLeft') resize(workPaneWidth.value + 32);
        if (key === 'ArrowRight') resize(workPaneWidth.value - 32);
      }}
    />
  );
}
