import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once, query } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { Pending, Trouble, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { Sure } from './sure.tsx';

type Credential = Outputs['serverCredentials']['put'];

/** The secrets that the sandboxes of all sessions use without seeing them. */
export function SandboxSecrets() {
  const [all, setAll] = useState<readonly Credential[]>();
  const [told, setTold] = useState('');
  const [trouble, tryIt] = useTrouble();
  const read = async () => setAll(await query('serverCredentials.list', undefined));
  useEffect(() => void tryIt(t('secrets.unread'), read), []);
  if (!all) return <Pending trouble={trouble} />;
  const revoke = (name: string) =>
    tryIt(t('secrets.notRevoked'), async () => {
      await once('serverCredentials.revoke', { name });
      setTold(t('secrets.revoked', { name }));
      await read();
    });
  return (
    <>
      <p class="quiet">{t('secrets.about')}</p>
      {all.length === 0 && <p class="quiet">{t('secrets.none')}</p>}
      {all.length > 0 && (
        <ul class="plain-rows">
          {all.map((one) => (
            <li key={one.name}>
              <span>
                <strong>{one.name}</strong>
                <span class="quiet row-more">{factsOf(one).join(' · ')}</span>
                {one.setBy !== null && <span class="quiet row-more">{t('server.setBy', { by: one.setBy })}</span>}
              </span>
              {one.setBy === null && (
                <Sure
                  label={t('models.remove')}
                  name={t('secrets.removeOne', { name: one.name })}
                  ask={t('secrets.removeAsk')}
                  act={() => revoke(one.name)}
                />
              )}
            </li>
          ))}
        </ul>
      )}
      <Trouble text={trouble} />
      {told !== '' && <p role="status">{told}</p>}
      <NewSecret
        onSaved={async (name) => {
          setTold(t('secrets.saved', { name }));
          await read();
        }}
      />
      <p class="quiet">{t('secrets.effect')}</p>
    </>
  );
}

function factsOf({ hosts, header, scheme, env, git, paths }: Credential): string[] {
  return [
    hosts.join(', '),
    scheme === null ? header : `${header}: ${scheme}`,
    ...(env.length > 0 ? [env.map((name) => `$${name}`).join(', ')] : []),
    ...(git === null ? [] : [t(`secrets.git.${git}`)]),
    ...(paths ?? []),
  ];
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** A name that exists already is replaced. */
function NewSecret({ onSaved }: { onSaved: (name: string) => Promise<void> }) {
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const [hosts, setHosts] = useState('');
  const [env, setEnv] = useState('');
  const [header, setHeader] = useState('');
  const [trouble, tryIt] = useTrouble();
  const save = () =>
    tryIt(t('notSaved'), async () => {
      await once('serverCredentials.put', {
        name,
        value,
        hosts: words(hosts),
        env: words(env),
        ...(header.trim() !== '' && { header: header.trim() }),
      });
      for (const clear of [setName, setValue, setHosts, setEnv, setHeader]) clear('');
      await onSaved(name);
    });
  return (
    <form
      class="form"
      aria-label={t('secrets.new')}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h3>{t('secrets.new')}</h3>
      <div class="fields">
        <label class="labelled">
          <span>{t('secrets.name')}</span>
          <input
            class="field"
            required
            pattern="[a-z][a-z0-9\-]{0,30}"
            title={t('secrets.nameForm')}
            placeholder="weather"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('secrets.value')}</span>
          <input
            class="field"
            type="password"
            autocomplete="off"
            required
            minLength={8}
            maxLength={8_192}
            value={value}
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('secrets.hosts')}</span>
          <input
            class="field"
            required
            spellcheck={false}
            placeholder="api.example.org, *.example.net"
            value={hosts}
            onInput={(event) => setHosts(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('secrets.env')}</span>
          <input
            class="field"
            spellcheck={false}
            placeholder="WEATHER_API_KEY"
            value={env}
            onInput={(event) => setEnv(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('secrets.header')}</span>
          <input
            class="field"
            spellcheck={false}
            placeholder="authorization"
            value={header}
            onInput={(event) => setHeader(event.currentTarget.value)}
          />
        </label>
      </div>
      <p class="quiet">{t('secrets.once')}</p>
      <Trouble text={trouble} />
      <div>
        <Button type="submit" kind="primary">
          {t('files.save')}
        </Button>
      </div>
    </form>
  );
}
