import { IconButton } from '../../parts/button.tsx';
import { t } from '../../text/text.ts';
import { dismiss, transfers } from './transfers.ts';

/** The uploads under way, with their progress, and those that failed. */
export const Transfers = () => (
  <ul class="transfers" aria-label={t('files.uploads')}>
    {transfers.value.map(({ key, name, done, failed, cancel }) => (
      <li key={key}>
        <span class="transfer-name" dir="auto">
          {name}
        </span>
        {failed === undefined ? (
          <progress aria-label={t('files.sending', { name })} value={done} />
        ) : (
          <span class="bad-text" role="alert">
            {failed}
          </span>
        )}
        <IconButton icon="close" label={t('cancel')} onClick={() => (failed === undefined ? cancel() : dismiss(key))} />
      </li>
    ))}
  </ul>
);
