import { Fragment } from 'preact';
import { formatShortcut } from '../../parts/key-names.ts';
import { Dialog, showDialog } from '../../parts/kit/dialog.tsx';
import { t } from '../../text/text.ts';
import type { SlashCommand } from './slash-command.ts';

const keys = [
  ['@', 'slash.keyFiles'],
  ['/', 'slash.keyCommands'],
  ['enter', 'slash.keyEnter'],
  ['shift+enter', 'slash.keyLine'],
  ['mod+k', 'slash.keyPalette'],
] as const;

export const showSlashHelp = (commands: readonly SlashCommand[]): void =>
  showDialog(
    <Dialog title={t('slash.title')}>
      <dl class="facts grid">
        {commands.map(({ name, about }) => (
          <Fragment key={name}>
            <dt>
              <code>/{name}</code>
            </dt>
            <dd>{t(about)}</dd>
          </Fragment>
        ))}
        {keys.map(([key, about]) => (
          <Fragment key={key}>
            <dt>
              <kbd>{formatShortcut(key)}</kbd>
            </dt>
            <dd>{t(about)}</dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>,
  );
