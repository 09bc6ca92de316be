import { useState } from 'preact/hooks';
import type { Inputs, Outputs } from '../../../client/types.ts';
import { Button } from '../../parts/kit/button.tsx';
import { t } from '../../text/text.ts';
import { NameAndAddress } from './form.tsx';

export type Changes = Omit<Inputs['toolServers']['change'], 'name'>;

interface Props {
  readonly server: Outputs['toolServers']['put'];
  readonly onCancel: () => void;
  readonly onSave: (changes: Changes) => void;
}

/** Name, address and headers of a tool server that was entered. The stored values of headers are never shown. */
export function ChangeToolServer({ server, onCancel, onSave }: Props) {
  const [name, setName] = useState(server.name);
  const [url, setUrl] = useState(server.at);
  const [header, setHeader] = useState(server.headers[0] ?? 'Authorization');
  const [secret, setSecret] = useState('');
  const changes: Changes = {
    ...(name !== server.name && { newName: name }),
    ...(url !== server.at && { url }),
    ...(secret !== '' && { headers: { [header.trim()]: headerValue(header, secret) } }),
  };
  return (
    <form
      class="form"
      aria-label={t('toolServers.changeOne', { name: server.name })}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(changes);
      }}
    >
      <div class="fields">
        <NameAndAddress name={name} url={url} onName={setName} onUrl={setUrl} />
        <label class="labelled">
          <span>{t('secrets.header')}</span>
          <input
            class="field"
            spellcheck={false}
            value={header}
            onInput={(event) => setHeader(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('toolServers.newValue')}</span>
          <input
            class="field"
            type="password"
            autocomplete="off"
            maxLength={8_000}
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        </label>
      </div>
      <p class="quiet">{t('toolServers.changeTells')}</p>
      <div class="choices start">
        <Button onClick={onCancel}>{t('cancel')}</Button>
        <Button type="submit" kind="primary" disabled={Object.keys(changes).length === 0}>
          {t('toolServers.save')}
        </Button>
      </div>
    </form>
  );
}

/** A bare token of `Authorization` is a bearer token. */
const headerValue = (header: string, secret: string): string =>
  header.trim().toLowerCase() === 'authorization' && !secret.includes(' ') ? `Bearer ${secret}` : secret;
