import { keepToken } from '../data/token.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { t } from '../text/text.ts';

/** Asks for the token and keeps it. `isRetry`: the one that was tried is not valid. */
export function askToken(isRetry: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (token: string) => {
    if (token !== '') keepToken(token);
    closeDialog();
    resolve();
  };
  showDialog(
    <Dialog title={isRetry ? t('tokenWrong') : t('tokenAsk')} onClose={resolve}>
      <p>{t('tokenHelp')}</p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          done(String(new FormData(event.currentTarget).get('token')).trim());
        }}
      >
        <input
          class="field"
          name="token"
          type="password"
          autocomplete="off"
          aria-label={t('token')}
          required
          autofocus
        />
        <Button kind="primary" type="submit" label={t('open')} />
      </form>
    </Dialog>,
  );
  return promise;
}
