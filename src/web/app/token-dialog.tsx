import { consumeSignInErrorFromUrl, readSignInProviders, signInWith } from '../data/people.ts';
import { saveToken } from '../data/token.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { isTextKey, t } from '../text/text.ts';

/** `isRetry`: the last token was refused. */
export async function promptForToken(isRetry: boolean): Promise<void> {
  const providers = await readSignInProviders();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (token: string) => {
    if (token !== '') saveToken(token);
    closeDialog();
    resolve();
  };
  const reason = `signIn.${consumeSignInErrorFromUrl()}`;
  const title = providers.length > 0 ? t('signIn.title') : t('tokenAsk');
  showDialog(
    <Dialog title={isRetry ? t('tokenWrong') : title} onClose={resolve}>
      {isTextKey(reason) && <p class="note wait">{t(reason)}</p>}
      {providers.map((provider) => (
        <div key={provider.id}>
          <Button
            kind="primary"
            label={t('signIn.with', { name: provider.name })}
            onClick={() => signInWith(provider)}
          />
        </div>
      ))}
      {providers.length > 0 && <h3>{t('signIn.orToken')}</h3>}
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
          autofocus={providers.length === 0}
        />
        <Button kind={providers.length === 0 ? 'primary' : 'plain'} type="submit" label={t('signIn.title')} />
      </form>
    </Dialog>,
  );
  await promise;
}
