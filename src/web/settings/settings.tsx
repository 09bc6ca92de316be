import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog, showDialog } from '../parts/dialog.tsx';
import { t } from '../text/text.ts';
import { sections } from './sections.ts';

export function Settings({ section: first }: { section?: string | undefined }) {
  const [open, setOpen] = useState(first ?? sections[0]?.id ?? '');
  const nav = useRef<HTMLElement>(null);
  // On a phone the sections are one row, which the open one can be out of view of.
  useEffect(
    () => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }),
    [open],
  );
  const section = sections.find(({ id }) => id === open);
  return (
    <Dialog title={t('settings')} wide>
      <div class="settings">
        <nav ref={nav} aria-label={t('settings')}>
          {sections
            .filter(({ id, shows }) => id === open || (shows?.() ?? true))
            .map(({ id, label }) => (
              <button
                type="button"
                key={id}
                aria-current={id === open ? 'true' : undefined}
                onClick={() => setOpen(id)}
              >
                {t(label)}
              </button>
            ))}
        </nav>
        <section aria-label={section && t(section.label)}>
          {section && <section.Body again={() => showDialog(<Settings section={open} />)} />}
        </section>
      </div>
    </Dialog>
  );
}
