import { useEffect, useState } from 'preact/hooks';
import { once, query } from '../../data/server.ts';
import { Button } from '../../parts/button.tsx';
import { Trouble, useTrouble } from '../../parts/trouble.tsx';
import { t } from '../../text/text.ts';
import type { TextKey } from '../../text/texts.ts';
import { asDraft, type Draft, Field, fromDraft, type ServerSetting } from './field.tsx';

/** The settings of some parts of the server, which administrators change while it runs. */
export function ServerSettings({ parts }: { parts: readonly string[] }) {
  const [all, setAll] = useState<readonly ServerSetting[]>();
  const [trouble, tryIt] = useTrouble();
  useEffect(() => {
    void tryIt(t('server.unread'), async () => setAll((await query('settings.list', undefined)).settings));
  }, []);
  if (!all) return trouble === '' ? <p class="quiet">{t('files.loading')}</p> : <Trouble text={trouble} />;
  const changed = (one: ServerSetting) => setAll(all.map((other) => (other.key === one.key ? one : other)));
  return (
    <>
      {parts.map((part) => (
        <section class="server-part" key={part} aria-label={t(`server.part.${part}` as TextKey)}>
          <h3>{t(`server.part.${part}` as TextKey)}</h3>
          <p class="quiet">{t(`server.effect.${part}` as TextKey)}</p>
          {all
            .filter(({ section }) => section === part)
            .map((setting) => (
              <OneSetting key={setting.key} setting={setting} changed={changed} />
            ))}
        </section>
      ))}
    </>
  );
}

interface Props {
  readonly setting: ServerSetting;
  readonly changed: (setting: ServerSetting) => void;
}

function OneSetting({ setting, changed }: Props) {
  const [draft, setDraft] = useState<Draft>(() => asDraft(setting));
  const [told, setTold] = useState('');
  const [trouble, tryIt] = useTrouble();
  const label = t(`setting.${setting.key}` as TextKey);
  const isFixed = setting.setBy !== null;
  const isChanged = JSON.stringify(draft) !== JSON.stringify(asDraft(setting));
  const take = (now: ServerSetting, words: string) => {
    changed(now);
    setDraft(asDraft(now));
    setTold(words);
  };
  const save = () =>
    tryIt(t('notSaved'), async () => {
      setTold('');
      const value = fromDraft(setting, draft);
      const { key } = setting;
      const now =
        value === undefined ? await once('settings.reset', { key }) : await once('settings.change', { key, value });
      take(now, t('server.saved'));
    });
  const reset = () =>
    tryIt(t('notSaved'), async () => {
      take(await once('settings.reset', { key: setting.key }), t('server.isReset'));
    });
  return (
    <form
      class="server-setting"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <fieldset disabled={isFixed}>
        <legend>{label}</legend>
        <Field
          setting={setting}
          label={label}
          draft={draft}
          onChange={(next) => {
            setDraft(next);
            setTold('');
          }}
        />
      </fieldset>
      <p class="quiet origin">{originOf(setting)}</p>
      <Trouble text={trouble} />
      {!isFixed && (
        <div class="choices">
          {told !== '' && <span role="status">{told}</span>}
          {setting.from === 'page' && (
            <Button class="small" onClick={() => void reset()} aria-label={t('server.resetOne', { name: label })}>
              {t('server.reset')}
            </Button>
          )}
          <Button
            type="submit"
            class="small"
            kind="primary"
            disabled={!isChanged}
            aria-label={t('server.saveOne', { name: label })}
          >
            {t('files.save')}
          </Button>
        </div>
      )}
    </form>
  );
}

/** Where the value is from, and what would precede it. */
function originOf({ setBy, from, variable, key }: ServerSetting): string {
  if (setBy !== null) return t('server.setBy', { by: setBy });
  return t(from === 'page' ? 'server.fromPage' : 'server.fromDefault', { variable, key });
}
