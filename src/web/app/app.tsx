import { Conversation } from '../conversation/conversation.tsx';
import { paneWidth } from '../data/prefs.ts';
import { currentId } from '../data/sessions.ts';
import { Boundary } from '../parts/boundary.tsx';
import { Dialogs } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { Notice } from '../parts/notice.tsx';
import { Sidebar } from '../sessions/sidebar.tsx';
import { t } from '../text/text.ts';
import { isDragging } from '../work/divider.tsx';
import { WorkPane } from '../work/pane.tsx';
import { focusMessage } from './commands.ts';
import { Header } from './header.tsx';
import { isMenuOpen, isPaneFull, visiblePane } from './layout.ts';
import { Palette } from './palette.tsx';

export function App() {
  const hasWork = currentId.value !== undefined; // the pane keeps its place while the session loads
  const isOpen = hasWork && paneWidth.value > 0;
  return (
    <>
      <button type="button" class="skip" onClick={focusMessage}>
        {t('skip')}
      </button>
      <div
        class="app grid"
        data-menu={isMenuOpen.value ? 'open' : undefined}
        data-view={hasWork ? visiblePane.value : 'chat'}
        data-pane={isOpen ? 'open' : undefined}
        data-full={isOpen && isPaneFull.value}
        data-dragging={isDragging.value ? 'true' : undefined}
        style={{ '--pane': `${paneWidth.value}px` }}
      >
        <Boundary>
          <Sidebar />
        </Boundary>
        <main class="main stack">
          <Boundary>
            <Header />
          </Boundary>
          <Notice />
          <Boundary>
            <Conversation />
          </Boundary>
        </main>
        {hasWork && (
          <>
            <Boundary>
              <WorkPane />
            </Boundary>
            <nav class="phone-tabs" aria-label={t('phoneTabs')}>
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
            isMenuOpen.value = false;
          }}
        />
      </div>
      <Boundary>
        <Palette />
      </Boundary>
      <Dialogs />
    </>
  );
}
