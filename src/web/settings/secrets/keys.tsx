import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once, query, request } from '../../data/server.ts';
import { keepToken, storedToken } from '../../data/token.ts';
import { dayAndTime } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { Pending, Trouble, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { ShownOnce } from './shown-once.tsx';
import { Sure } from './sure.tsx';

type Key = Outputs['keys']['list']['keys'][number];
const roles = ['viewer', 'user', 'operator', 'admin'] as const;
type Role = (typeof roles)[number];
const lives = [0, 30, 90, 365] as const; // days; 0: without an end
const dayMs = 86_400_000;

/** The API keys of people and programs: made here, shown once, revoked. */
export function ApiKeys() {
  const [keys, setKeys] = useState<readonly Key[]>();
  const [made, setMade] = useState<{ key: string; view: Key }>();
  const [trouble, tryIt] = useTrouble();
  const read = async () => setKeys((await query('keys.list', undefined)).keys);
  useEffect(() => void tryIt(t('keys.unread'), read), []);
  if (!keys) return <Pending trouble={trouble} />;
  const revoke = (id: string) =>
    tryIt(t('keys.notRevoked'), async () => {
      await once('keys.revoke', { id });
      if (made?.view.id === id) setMade(undefined);
      await read();
    });
  return (
    <>
      <p class="quiet">{t('keys.about')}</p>
      {keys.length === 0 && <p class="note wait">{t('keys.first')}</p>}
      <NewKey
        keys={keys}
        onMade={async (one) => {
          setMade(one);
          await read();
        }}
      />
      {made && <ShownOnce label={t('keys.made', { name: made.view.name })} text={made.key} />}
      <Trouble text={trouble} />
      {keys.length > 0 && (
        <ul class="plain-rows">
          {keys.map((key) => (
            <li key={key.id}>
              <span>
                <strong>{key.name}</strong> <code>{key.prefix}…</code>
                <span class="quiet row-more">{factsOf(key).join(' · ')}</span>
              </span>
              {key.state === 'active' && (
                <Sure
                  label={t('keys.revoke')}
                  name={t('keys.revokeOne', { name: key.name })}
                  ask={t('keys.revokeAsk')}
                  act={() => revoke(key.id)}
                />
              )}
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">{t('keys.effect')}</p>
    </>
  );
}

function factsOf({ role, state, createdAt, expiresAt, lastUsedAt, revokedAt }: Key): string[] {
  const at = (time: string) => dayAndTime(Date.parse(time));
  return [
    t(`keys.role.${role}`),
    ...(revokedAt !== null ? [t('keys.revokedAt', { at: at(revokedAt) })] : []),
    ...(state === 'expired' && expiresAt !== null ? [t('keys.expired', { at: at(expiresAt) })] : []),
    ...(state === 'active' && expiresAt !== null ? [t('keys.expiresAt', { at: at(expiresAt) })] : []),
    ...(state === 'active' ? [lastUsedAt === null ? t('keys.unused') : t('keys.usedAt', { at: at(lastUsedAt) })] : []),
    t('keys.createdAt', { at: at(createdAt) }),
  ];
}

interface Props {
  readonly keys: readonly Key[];
  readonly onMade: (made: { key: string; view: Key }) => Promise<void>;
}

function NewKey({ keys, onMade }: Props) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>(keys.length === 0 ? 'admin' : 'user');
  const [days, setDays] = useState<(typeof lives)[number]>(0);
  const [beside, setBeside] = useState('');
  const [trouble, tryIt] = useTrouble();
  const make = () =>
    tryIt(t('keys.notMade'), async () => {
      const expiresAt = days === 0 ? {} : { expiresAt: new Date(Date.now() + days * dayMs).toISOString() };
      const wish = { name, role, ...expiresAt, ...(beside !== '' && { beside }) };
      const made = keys.length === 0 ? await makeFirst(wish) : await once('keys.create', wish);
      setName('');
      setRole('user');
      setBeside('');
      await onMade(made);
    });
  return (
    <form
      class="form"
      aria-label={t('keys.new')}
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <div class="fields">
        <label class="labelled">
          <span>{t('keys.name')}</span>
          <input
            class="field"
            required
            maxLength={100}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('keys.role')}</span>
          <select class="field" value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {roles.map((one) => (
              <option key={one} value={one}>
                {t(`keys.role.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <label class="labelled">
          <span>{t('keys.life')}</span>
          <select
            class="field"
            value={String(days)}
            onChange={(event) => setDays(Number(event.currentTarget.value) as typeof days)}
          >
            {lives.map((life) => (
              <option key={life} value={String(life)}>
                {life === 0 ? t('keys.forever') : t('keys.days', { n: life })}
              </option>
            ))}
          </select>
        </label>
        {keys.length > 0 && (
          <label class="labelled">
            <span>{t('keys.beside')}</span>
            <select class="field" value={beside} onChange={(event) => setBeside(event.currentTarget.value)}>
              <option value="">{t('keys.besideNone')}</option>
              {keys.map((key) => (
                <option key={key.id} value={key.id}>
                  {key.name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <p class="quiet">{t(`keys.can.${role}`)}</p>
      <Trouble text={trouble} />
      <div>
        <Button type="submit" kind="primary" icon="plus">
          {t('keys.make')}
        </Button>
      </div>
    </form>
  );
}

/**
 * The first key closes an open server, and ends this page's socket before an answer could come over it. So it is made by a
 * request of its own, and this tab continues with it.
 */
async function makeFirst(wish: object): Promise<Outputs['keys']['create']> {
  const answer = await request('/api/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  });
  const said = (await answer.json().catch(() => ({}))) as Outputs['keys']['create'] & { detail?: string };
  if (!answer.ok) throw new Error(said.detail ?? t('models.refused', { status: answer.status }));
  if (storedToken() === undefined) keepToken(said.key);
  return said;
}
