import { useEffect, useRef, useState } from 'preact/hooks';
import { navigateToSession } from '../data/route.ts';
import { sessions } from '../data/sessions.ts';
import { toDisplayStatus } from '../data/status.ts';
import { formatShortcut } from '../parts/key-names.ts';
import { useModal } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { StatusDot } from '../parts/kit/status.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { createWordMatcher } from '../parts/word-search.ts';
import { sessionNameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';
import { listPaletteCommands } from './commands.ts';
import { isPaletteOpen } from './layout.ts';

const most = 12;

export const Palette = () => (isPaletteOpen.value ? <OpenPalette /> : null);

function entriesFor(text: string) {
  const fits = createWordMatcher(text);
  const found = listPaletteCommands().map(({ id, label, icon, keys, run }) => ({
    key: id,
    name: t(label),
    sign: <Icon name={icon} />,
    keys,
    run,
  }));
  const others = sessions.value.filter((session) => fits(sessionNameOf(session)));
  return [
    ...found.filter(({ name }) => fits(name)),
    ...others.slice(0, most).map((session) => ({
      key: session.id,
      name: sessionNameOf(session),
      sign: <StatusDot status={toDisplayStatus(session)} />,
      keys: undefined,
      run: () => navigateToSession(session.id),
    })),
  ];
}

function OpenPalette() {
  const ref = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const entries = entriesFor(text);
  const chosen = Math.min(at, entries.length - 1);
  const close = () => {
    isPaletteOpen.value = false;
  };
  useModal(ref);
  useEffect(() => {
    ref.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const run = (index: number) => {
    const entry = entries[index];
    if (!entry) return;
    close();
    setTimeout(entry.run, 0); // after the focus has returned
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and handles Escape
    <dialog
      ref={ref}
      class="palette"
      aria-label={t('palette')}
      onClose={() => ref.current && close()} // the event arrives a frame late, when the palette can be open again
      onClick={(event) => event.target === ref.current && close()}
    >
      <input
        class="palette-field border-bottom full"
        dir="auto"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries.length > 0 ? `palette-${chosen}` : undefined}
        aria-label={t('palette')}
        placeholder={t('paletteHint')}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const key = pressedKeyOf(event);
          if (key === 'Enter') run(chosen);
          else if (key === 'Escape') close();
          else if (key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, entries.length));
          else if (key === 'ArrowUp') setAt((chosen - 1 + entries.length) % Math.max(1, entries.length));
          else return;
          event.preventDefault();
        }}
      />
      {entries.length === 0 && <p class="quiet palette-empty">{t('paletteEmpty')}</p>}
      <div id="palette-list" role="listbox" aria-label={t('palette')}>
        {entries.map(({ key, name, sign, keys }, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the focus and takes the keys
          <div
            key={key}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onClick={() => run(index)}
            onMouseMove={() => setAt(index)}
          >
            {sign}
            <span class="cut fill" dir="auto">
              {name}
            </span>
            {keys && <kbd>{formatShortcut(keys)}</kbd>}
          </div>
        ))}
      </div>
    </dialog>
  );
}
