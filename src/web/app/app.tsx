import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Conversation } from '../conversation/conversation.tsx';
import { workPaneWidth } from '../data/prefs.ts';
import { currentSessionId } from '../data/sessions.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { DialogHost } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { Notice } from '../parts/notice.tsx';
import { Sidebar } from '../sessions/sidebar.tsx';
import { t } from '../text/text.ts';
import { isDraggingDivider, WorkPane } from '../work/pane.tsx';
import { Header } from './header.tsx';
import { focusMessageBox, isSidebarOpen, isWorkPaneMaximized, visiblePane } from './layout.ts';
import { Palette } from './palette.tsx';

export function App() {
  const hasWork = currentSessionId.value !== undefined; // keeps the pane while the session loads
  const isOpen = hasWork && workPaneWidth.value > 0;
  const main = useRef<HTMLElement>(null);
  // While the open sidebar covers the page, everything except the notices is inert.
  useSignalEffect(() => {
    const isCovered = isSidebarOpen.value;
    for (const part of main.current?.children ?? [])
      part.toggleAttribute('inert', isCovered && !part.matches('.notice-place'));
  });
  return (
    <>
      <button type="button" class="skip" inert={isSidebarOpen.value} onClick={focusMessageBox}>
        {t('skip')}
      </button>
      <div
        class="app grid"
        data-menu={isSidebarOpen.value ? 'open' : undefined}
        data-view={hasWork ? visiblePane.value : 'chat'}
        data-pane={isOpen ? 'open' : undefined}
        data-full={isOpen && isWorkPaneMaximized.value}
        data-dragging={isDraggingDivider.value ? 'true' : undefined}
        style={{ '--pane': `${workPaneWidth.value}px` }}
      >
        <ErrorBoundary>
          <Sidebar />
        </ErrorBoundary>
        <main class="main stack" ref={main}>
          <ErrorBoundary>
            <Header />
          </ErrorBoundary>
          <Notice />
          <ErrorBoundary>
            <Conversation />
          </ErrorBoundary>
        </main>
        {hasWork && (
          <>
            <ErrorBoundary>
              <WorkPane />
            </ErrorBoundary>
            <nav class="phone-tabs" inert={isSidebarOpen.value} aria-label={t('phoneTabs')}>
              {(['chat', 'work'] as const).map((part) => (
                <button
                  type="button"
                  key={part}
                  aria-pressed={visiblePane.value === part}
                  onClick={() => {
                    visiblePane.value = part;
                  }}
                >
                  <Icon name={part === 'chat' ? 'edit' : 'panel'} /> {t(part)}
                </button>
              ))}
            </nav>
          </>
        )}
        <button
          type="button"
          class="veil"
          tabIndex={-1}
          aria-label={t('close')}
          onClick={() => {
            isSidebarOpen.value = false;
          }}
        />
      </div>
      <ErrorBoundary>
        <Palette />
      </ErrorBoundary>
      <DialogHost />
    </>
  );
}
