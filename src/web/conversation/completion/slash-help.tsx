import { Dialog, showDialog } from '../../parts/kit/dialog.tsx';
import { t } from '../../text/text.ts';
import type { SlashCommand } from './slash-command.ts';

const keys = [
  ['@', 'slash.keyFiles'],
  ['/', 'slash.keyCommands'],
  ['enter', 'slash.keyEnter'],
  ['shift-enter', 'slash.keyLine'],
  ['ctrl-k', 'slash.keyPalette'],
] as const;

/** Help for the commands and keys of the message box. */
export const showSlashHelp = (commands: readonly SlashCommand[]): void =>
  showDialog(
    <Dialog title={t('slash.title')}>
      <dl class="slash-help grid">
        {commands.map(({ name, about }) => (
          <div key={name}>
            <dt>
              <code>/{name}</code>
            </dt>
            <dd>{t(about)}</dd>
          </div>
        ))}
        {keys.map(([key, about]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(about)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>,
  );
