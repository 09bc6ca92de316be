import { useState } from 'preact/hooks';
import { mutate } from '../data/server.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { OneTimeSecret } from '../parts/kit/resource-list.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';

// `corral login` opens the page with a challenge. If the person agrees, the command gets a code: at its port on this
// machine, or typed by hand.

interface CommandRequest {
  readonly challenge: string;
  readonly agent: string;
  /** Absent: the command runs on another machine. */
  readonly port: string | undefined;
  readonly state: string;
}

/** Removes the request from the page's address. */
export function takeCommandRequest(): CommandRequest | undefined {
  const url = new URL(location.href);
  const take = (name: string) => {
    const value = url.searchParams.get(name) ?? '';
    url.searchParams.delete(name);
    return value;
  };
  const challenge = take('login');
  if (challenge === '') return undefined;
  const [agent, port, state] = [take('command').slice(0, 100), take('port'), take('state')];
  history.replaceState(null, '', url.pathname + url.search + url.hash);
  return { challenge, agent, port: /^\d{1,5}$/.test(port) ? port : undefined, state };
}

export const confirmCommand = (request: CommandRequest): void => showDialog(<AllowCommand {...request} />);

function AllowCommand({ challenge, agent, port, state }: CommandRequest) {
  const [code, setCode] = useState<string>();
  const [trouble, tryIt] = useActionError();
  const allow = () =>
    tryIt(t('login.notAllowed'), async () => {
      const made = await mutate('people.allowCommand', { challenge, agent });
      if (port === undefined) setCode(made.code);
      else location.assign(`http://127.0.0.1:${port}/?${new URLSearchParams({ code: made.code, state })}`);
    });
  return (
    <Dialog title={t('login.title')}>
      <p>{t('login.ask', { name: agent })}</p>
      {code === undefined ? (
        <div class="row">
          <Button kind="primary" label={t('login.allow')} onClick={allow} />
          <Button label={t('cancel')} onClick={closeDialog} />
        </div>
      ) : (
        <OneTimeSecret label={t('login.code')} text={code} />
      )}
      <FormError text={trouble} />
    </Dialog>
  );
}
