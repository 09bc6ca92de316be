import type { ComponentChildren } from 'preact';
import { pressedKeyOf } from '../pressed-key.ts';
import { Icon, type IconName } from './icon.tsx';
import { useTightRow } from './tight-row.ts';

interface Tab {
  readonly id: string;
  readonly label: string;
  readonly icon: IconName;
  readonly news?: ComponentChildren;
}
interface Props {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly open: string | undefined;
  readonly panel: string;
  readonly onOpen: (id: string) => void;
}

export const tabElementIdOf = (id: string): string => `tab-${id}`;

export function Tabs({ label, tabs, open, panel, onOpen }: Props) {
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === open);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[pressedKeyOf(event)];
    const next = to !== undefined && tabs.at(to % tabs.length);
    if (!next) return;
    onOpen(next.id);
    document.getElementById(tabElementIdOf(next.id))?.focus();
  };
  // If the labels do not all fit, only the selected tab shows its label.
  const row = useTightRow<HTMLDivElement>(1);
  return (
    <div ref={row} class="tabs border-bottom rigid" role="tablist" aria-label={label}>
      {tabs.map(({ id, label: name, icon, news }) => (
        <button
          key={id}
          id={tabElementIdOf(id)}
          type="button"
          role="tab"
          aria-selected={id === open}
          aria-controls={panel}
          title={name}
          tabIndex={id === open ? 0 : -1}
          onClick={() => onOpen(id)}
          onKeyDown={move}
        >
          <Icon name={icon} size={16} /> <span>{name}</span>
          {news}
        </button>
      ))}
    </div>
  );
}
