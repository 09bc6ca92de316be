import { signal } from '@preact/signals';
import { Conversation } from '../conversation/conversation.tsx';
import { paneWidth } from '../data/prefs.ts';
import { current } from '../data/sessions.ts';
import { Dialogs } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { Notice } from '../parts/notice.tsx';
import { Sidebar } from '../sessions/sidebar.tsx';
import { t } from '../text/text.ts';
import { WorkPane } from '../work/pane.tsx';
import { focusMessage } from './commands.ts';
import { Header } from './header.tsx';
import { isMenuOpen, view } from './layout.ts';
import { Palette } from './palette.tsx';

const isDragging = signal(false);

export function App() {
  const hasWork = current.value !== undefined;
  const isOpen = hasWork && paneWidth.value > 0;
  return (
    <>
      <button type="button" class="skip" onClick={focusMessage}>
        {t('skip')}
      </button>
      <div
        class="app"
        data-menu={isMenuOpen.value ? 'open' : undefined}
        data-view={hasWork ? view.value : 'chat'}
        data-pane={isOpen ? 'open' : undefined}
        data-dragging={isDragging.value ? 'true' : undefined}
        style={{ '--pane': `${paneWidth.value}px` }}
      >
        <Sidebar />
        <main class="main">
          <Header />
          <Notice />
          <Conversation />
        </main>
        {hasWork && (
          <>
            <Divider />
            <WorkPane />
            <nav class="phone-tabs" aria-label={t('work')}>
              {(['chat', 'work'] as const).map((part) => (
                <button
                  type="button"
                  key={part}
                  aria-pressed={view.value === part}
                  onClick={() => {
                    view.value = part;
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
            isMenuOpen.value = false;
          }}
        />
      </div>
      <Palette />
      <Dialogs />
    </>
  );
}

const least = 320;

/** Between conversation and work pane: drag it, or move it with the arrow keys. */
function Divider() {
  if (paneWidth.value === 0) return null;
  const resize = (width: number) => {
    paneWidth.value = Math.round(Math.min(Math.max(width, least), innerWidth - 420));
  };
  return (
    <div
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label={t('resize')}
      aria-valuenow={paneWidth.value}
      aria-valuemin={least}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        isDragging.value = true;
      }}
      onPointerMove={(event) => isDragging.value && resize(innerWidth - event.clientX)}
      onPointerUp={() => {
        isDragging.value = false;
      }}
      onKeyDown={({ key }) => {
        if (key === 'ArrowLeft') resize(paneWidth.value + 32);
        if (key === 'ArrowRight') resize(paneWidth.value - 32);
      }}
    />
  );
}
