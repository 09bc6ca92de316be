import { useEffect, useState } from 'preact/hooks';
import { mutate, query } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { FormError, LoadPlaceholder, useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import type { TextKey } from '../../text/texts.ts';
import { parseSettingDraft, type ServerSetting, type SettingDraft, SettingField, toSettingDraft } from './field.tsx';

interface ServerSettingsProps {
  readonly parts: readonly string[];
  /** Set on a page that everyone can open. A person who cannot read the settings then sees none, instead of an error. */
  readonly isForAll?: boolean;
}

export function ServerSettings({ parts, isForAll = false }: ServerSettingsProps) {
  const [all, setAll] = useState<readonly ServerSetting[]>();
  const [trouble, tryIt] = useActionError();
  useEffect(() => {
    void tryIt(t('server.unread'), async () => setAll((await query('settings.list', undefined)).settings));
  }, []);
  if (!all && isForAll) return null;
  if (!all) return <LoadPlaceholder problem={trouble} />;
  const changed = (some: readonly ServerSetting[]) =>
    setAll((now) => now?.map((one) => some.find((other) => other.key === one.key) ?? one));
  return (
    <>
      {parts.map((part) => (
        <Part key={part} part={part} settings={all.filter(({ section }) => section === part)} changed={changed} />
      ))}
    </>
  );
}

interface Props {
  readonly part: string;
  readonly settings: readonly ServerSetting[];
  readonly changed: (settings: readonly ServerSetting[]) => void;
}

const labelOf = ({ key }: ServerSetting): string => t(`setting.${key}` as TextKey);

function Part({ part, settings, changed }: Props) {
  const [drafts, setDrafts] = useState<Readonly<Record<string, SettingDraft>>>({});
  const [notice, setNotice] = useState('');
  const [trouble, tryIt] = useActionError();
  const isChanged = (one: ServerSetting) =>
    drafts[one.key] !== undefined && JSON.stringify(drafts[one.key]) !== JSON.stringify(toSettingDraft(one));
  const edited = settings.filter(isChanged);
  const write = (some: readonly ServerSetting[], words: string, toValue: (one: ServerSetting) => SettingValue) =>
    tryIt(t('notSaved'), async () => {
      setNotice('');
      for (const one of some) {
        const { key } = one;
        const value = toValue(one);
        changed([
          value === undefined
            ? await mutate('settings.reset', { key })
            : await mutate('settings.change', { key, value }),
        ]);
        setDrafts(({ [key]: _, ...others }) => others);
      }
      setNotice(words);
    });
  return (
    <form
      class="stack server-part roomy"
      aria-label={t(`server.part.${part}` as TextKey)}
      onSubmit={(event) => {
        event.preventDefault();
        void write(edited, t('server.saved'), (one) => parseSettingDraft(one, drafts[one.key] ?? ''));
      }}
    >
      <h3>{t(`server.part.${part}` as TextKey)}</h3>
      <p class="quiet">{t(`server.effect.${part}` as TextKey)}</p>
      {settings.map((one) => (
        <OneSetting
          key={one.key}
          setting={one}
          draft={drafts[one.key] ?? toSettingDraft(one)}
          onChange={(draft) => {
            setDrafts((now) => ({ ...now, [one.key]: draft }));
            setNotice('');
          }}
          reset={() => void write([one], t('server.isReset'), () => undefined)}
        />
      ))}
      <FormError text={trouble} />
      <div class="choices">
        {notice !== '' && <span role="status">{notice}</span>}
        <Button type="submit" kind="primary" label={t('files.save')} disabled={edited.length === 0} />
      </div>
    </form>
  );
}
type SettingValue = ReturnType<typeof parseSettingDraft>;

interface OneProps {
  readonly setting: ServerSetting;
  readonly draft: SettingDraft;
  readonly onChange: (draft: SettingDraft) => void;
  readonly reset: () => void;
}

function OneSetting({ setting, draft, onChange, reset }: OneProps) {
  const { setBy, from, variable, key } = setting;
  const label = labelOf(setting);
  return (
    <div class="stack server-setting" title={t('server.fromDefault', { variable, key })}>
      <fieldset class="stack" disabled={setBy !== null}>
        <legend>{label}</legend>
        <SettingField setting={setting} label={label} draft={draft} onChange={onChange} />
      </fieldset>
      {setBy !== null && <p class="quiet breaks">{t('server.setBy', { by: setBy })}</p>}
      {setBy === null && from === 'page' && (
        <div>
          <Button
            kind="quiet"
            class="small"
            label={t('server.reset')}
            onClick={reset}
            aria-label={t('server.resetOne', { name: label })}
          />
        </div>
      )}
    </div>
  );
}
