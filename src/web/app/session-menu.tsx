import { useRef } from 'preact/hooks';
import { IconButton } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { pressedKey } from '../parts/pressed-key.ts';
import { t } from '../text/text.ts';
import { commands } from './commands.ts';
import { isPaletteOpen } from './palette-state.ts';

const shown = ['session.share', 'session.fork', 'sessions.pin', 'sessions.archive', 'session.rename', 'session.delete'];

/** The actions that a narrow header has no room for. The browser closes a popover by itself, after Escape or a press elsewhere. */
export function SessionMenu() {
  const ref = useRef<HTMLDivElement>(null);
  const close = () => ref.current?.hidePopover();
  const entries = commands().filter(({ id }) => shown.includes(id));
  const all = {
    id: 'all',
    label: 'allCommands' as const,
    icon: 'command' as const,
    run: () => {
      isPaletteOpen.value = true;
    },
  };
  const move = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[pressedKey(event)];
    if (by === undefined) return;
    event.preventDefault();
    const items = [...(ref.current?.querySelectorAll('button') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    items[(at + by + items.length) % items.length]?.focus();
  };
  return (
    <>
      <IconButton class="narrow-only" icon="more" label={t('more')} popovertarget="session-menu" aria-haspopup="menu" />
      <div
        ref={ref}
        id="session-menu"
        class="menu"
        popover="auto"
        role="menu"
        aria-label={t('more')}
        onKeyDown={move}
        onToggle={(event) => event.newState === 'open' && ref.current?.querySelector('button')?.focus()}
      >
        {[...entries, all].map(({ id, label, icon, run }) => (
          <button
            type="button"
            role="menuitem"
            key={id}
            onClick={() => {
              close();
              run();
            }}
          >
            <Icon name={icon} /> {t(label)}
          </button>
        ))}
      </div>
    </>
  );
}
