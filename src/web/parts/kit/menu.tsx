import { useId, useRef } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { pressedKeyOf } from '../pressed-key.ts';
import { IconButton } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

export interface MenuItem {
  readonly id: string;
  readonly label: string;
  readonly icon: IconName;
  readonly run: () => void;
}

interface MenuProps {
  readonly items: readonly MenuItem[];
  readonly class?: string;
  readonly icon?: IconName;
  readonly label?: string;
}

const width = 250; // pixels; must match the style

export function Menu({ items, class: more, icon = 'more', label = t('more') }: MenuProps) {
  const ref = useRef<HTMLDivElement>(null);
  const id = useId();
  const place = (button: HTMLElement) => {
    const { bottom, right } = button.getBoundingClientRect();
    ref.current?.style.setProperty('inset', `${bottom + 4}px auto auto ${Math.max(8, right - width)}px`);
  };
  const move = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[pressedKeyOf(event)];
    if (by === undefined) return;
    event.preventDefault();
    const buttons = [...(ref.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[(at + by + buttons.length) % buttons.length]?.focus();
  };
  return (
    <>
      <IconButton
        class={more}
        icon={icon}
        label={label}
        popovertarget={id}
        aria-haspopup="menu"
        onClick={({ currentTarget }) => place(currentTarget)}
      />
      <div
        ref={ref}
        id={id}
        class="menu box"
        popover="auto"
        role="menu"
        aria-label={label}
        onKeyDown={move}
        onFocusOut={({ currentTarget, relatedTarget }) => {
          if (relatedTarget && !currentTarget.contains(relatedTarget as Node)) currentTarget.hidePopover();
        }}
        onToggle={(event) => event.newState === 'open' && ref.current?.querySelector('button')?.focus()}
      >
        {items.map(({ id: key, label, icon, run }) => (
          <button
            type="button"
            role="menuitem"
            key={key}
            onClick={() => {
              ref.current?.hidePopover();
              run();
            }}
          >
            <Icon name={icon} /> {label}
          </button>
        ))}
      </div>
    </>
  );
}
