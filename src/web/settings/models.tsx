import { useEffect, useState } from 'preact/hooks';
import { request } from '../data/server.ts';
import { info } from '../data/system.ts';
import { Button } from '../parts/button.tsx';
import { confirmFirst } from '../parts/dialog.tsx';
import { dayAndTime } from '../parts/format.ts';
import { Trouble, useTrouble } from '../parts/trouble.tsx';
import { t } from '../text/text.ts';

interface Provider {
  readonly id: string;
  readonly name: string;
}
interface Key {
  readonly provider: string;
  readonly last_used_at: string | null;
}
const base = '/api/v1/settings';

/** Rejects with the server's words. */
async function ask<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const said = await request(base + path, { ...init, ...(init?.body && { headers }) });
  const answer = said.status === 204 ? undefined : await said.json().catch(() => undefined);
  if (!said.ok) throw new Error(answer?.detail ?? answer?.msg ?? t('models.refused', { status: said.status }));
  return answer as Answer;
}

/** The server's model, and the keys of model providers, which administrators enter here. */
export function Models({ again }: { again: () => void }) {
  const [providers, setProviders] = useState<readonly Provider[]>([]);
  const [keys, setKeys] = useState<readonly Key[]>();
  const [told, setTold] = useState('');
  const [trouble, tryIt] = useTrouble();
  const look = () =>
    tryIt(t('models.unread'), async () => {
      const [known, held] = await Promise.all([
        ask<{ providers: Provider[] }>('/llm-providers'),
        ask<{ api_keys: Key[] }>('/api-keys'),
      ]);
      setProviders(known.providers.filter(({ id }) => id !== 'demo'));
      setKeys(held.api_keys);
    });
  useEffect(() => void look(), []);
  const save = async (form: HTMLFormElement, isTest: boolean) => {
    setTold('');
    const data = new FormData(form);
    const body = JSON.stringify({ provider: data.get('provider'), api_key: String(data.get('key')).trim() });
    await tryIt(t('notSaved'), async () => {
      if (isTest) {
        const { valid, message } = await ask<{ valid: boolean; message: string }>('/api-keys/test', {
          method: 'POST',
          body,
        });
        setTold(valid ? t('models.valid') : t('models.invalid', { why: message }));
        return;
      }
      await ask('/api-keys', { method: 'POST', body });
      form.reset();
      setTold(t('models.saved'));
      await look();
    });
  };
  const remove = (provider: string) =>
    confirmFirst({
      title: t('models.removeAsk', { provider }),
      text: t('models.removeTells'),
      yes: t('models.remove'),
      no: t('keepIt'),
      act: () => void ask(`/api-keys/${encodeURIComponent(provider)}`, { method: 'DELETE' }).finally(() => again()),
    });
  return (
    <>
      <p>{t('models.server', { model: info.value?.model ?? '–' })}</p>
      <Trouble text={trouble} />
      {keys && (
        <>
          <div>
            <h3>{t('models.keys')}</h3>
            {keys.length === 0 ? (
              <p class="quiet">{t('models.noKeys')}</p>
            ) : (
              <ul class="plain-rows">
                {keys.map(({ provider, last_used_at }) => (
                  <li key={provider}>
                    <span>
                      {providers.find(({ id }) => id === provider)?.name ?? provider}
                      <span class="quiet">
                        {' · '}
                        {last_used_at
                          ? t('models.used', { time: dayAndTime(Date.parse(last_used_at)) })
                          : t('models.unused')}
                      </span>
                    </span>
                    <Button class="small" kind="danger" onClick={() => remove(provider)}>
                      {t('models.remove')}
                    </Button>
                  </li>
                ))}
              </ul>
            )}
          </div>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              const how = event.submitter as HTMLButtonElement | null;
              void save(event.currentTarget, how?.value === 'test');
            }}
          >
            <label class="labelled">
              <span>{t('models.provider')}</span>
              <select class="field" name="provider">
                {providers.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label class="labelled">
              <span>{t('models.key')}</span>
              <input class="field" name="key" type="password" autocomplete="off" required />
            </label>
            {told !== '' && <p role="status">{told}</p>}
            <div class="choices">
              <Button type="submit" value="test">
                {t('models.test')}
              </Button>
              <Button type="submit" kind="primary" value="save">
                {t('models.save')}
              </Button>
            </div>
          </form>
        </>
      )}
    </>
  );
}
