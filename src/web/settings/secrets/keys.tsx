import { useMemo, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { me } from '../../data/people.ts';
import { type InputOf, mutate, query, request } from '../../data/server.ts';
import { keepToken, storedToken } from '../../data/token.ts';
import { dayAndTime } from '../../parts/format.ts';
import { ResourceList, ShownOnce, Sure, useResource } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { t } from '../../text/text.ts';

type Key = Outputs['keys']['list']['keys'][number];
const lifetimes = [30, 90, 365]; // days
const dayMs = 86_400_000;

/** The API keys of people and programs: made here, shown once, revoked. */
export function ApiKeys() {
  const [made, setMade] = useState<Outputs['keys']['create']>();
  const keys = useResource(t('keys.unread'), async () => (await query('keys.list', undefined)).keys);
  const revoke = (id: string) =>
    keys.act(t('keys.notRevoked'), async () => {
      await mutate('keys.revoke', { id });
      if (made?.view.id === id) setMade(undefined);
      return '';
    });
  const ends = useMemo(
    () => lifetimes.map((n) => [new Date(Date.now() + n * dayMs).toISOString(), t('keys.days', { n })] as const),
    [made],
  );
  const isFirst = keys.all?.length === 0;
  const form = keys.all && (
    <SchemaForm
      key={String(isFirst)}
      of="keys.create"
      words="keys"
      title={t('keys.new')}
      save={t('keys.make')}
      failure={t('keys.notMade')}
      value={{ role: isFirst ? 'admin' : 'user' }}
      fields={{
        name: {},
        role: {},
        expiresAt: { choices: [['', t('keys.forever')], ...ends] },
        ...(!isFirst && {
          beside: { choices: [['', t('keys.besideNone')], ...keys.all.map(({ id, name }) => [id, name] as const)] },
        }),
      }}
      send={async (input) => {
        const created = isFirst ? await makeFirst(input) : await mutate('keys.create', input);
        await keys.act('', async () => ''); // first, because the form of the first key is another one
        setMade(created);
      }}
    />
  );
  return (
    <ResourceList
      of={keys}
      about={t('keys.about')}
      head={
        <>
          {isFirst && <p class="note wait">{t('keys.first')}</p>}
          {form}
          {made && <ShownOnce label={t('keys.made', { name: made.view.name })} text={made.key} />}
        </>
      }
      toItem={(key) => toItem(key, revoke)}
    >
      <p class="quiet">{t('keys.effect')}</p>
    </ResourceList>
  );
}

/** The keys of the person, for programs that act for the person. */
export function OwnKeys() {
  const [made, setMade] = useState<Outputs['personalKeys']['create']>();
  const keys = useResource(t('keys.unread'), async () => await query('personalKeys.list', undefined));
  const revoke = (id: string) =>
    keys.act(t('keys.notRevoked'), async () => {
      await mutate('personalKeys.revoke', { id });
      return '';
    });
  const form = (
    <SchemaForm
      of="personalKeys.create"
      words="keys"
      title={t('keys.new')}
      save={t('keys.make')}
      failure={t('keys.notMade')}
      value={{ role: me.value?.role, lifeDays: lifetimes[1] }}
      fields={{ name: {}, role: {}, lifeDays: {} }}
      send={async (input) => {
        setMade(await mutate('personalKeys.create', input));
        await keys.act('', async () => '');
      }}
    />
  );
  return (
    <ResourceList
      of={keys}
      about={t('keys.own')}
      head={
        <>
          {form}
          {made && <ShownOnce label={t('keys.made', { name: made.view.name })} text={made.key} />}
        </>
      }
      toItem={(key) => toItem(key, revoke)}
    />
  );
}

const toItem = (key: Key, revoke: (id: string) => void) => ({
  key: key.id,
  title: key.name,
  code: `${key.prefix}…`,
  lines: [factsOf(key).join(' · ')],
  action: key.state === 'active' && (
    <Sure
      label={t('revoke')}
      name={t('keys.revokeOne', { name: key.name })}
      ask={t('keys.revokeAsk')}
      act={() => revoke(key.id)}
    />
  ),
});

function factsOf({ role, state, trust, createdAt, expiresAt, lastUsedAt, revokedAt }: Key): string[] {
  const at = (time: string) => dayAndTime(Date.parse(time));
  return [
    t(`keys.role.${role}`),
    ...(trust ? [t('keys.trust', { issuer: trust.issuer })] : []),
    ...(revokedAt !== null ? [t('keys.revokedAt', { at: at(revokedAt) })] : []),
    ...(state === 'expired' && expiresAt !== null ? [t('keys.expired', { at: at(expiresAt) })] : []),
    ...(state === 'active' && expiresAt !== null ? [t('keys.until', { at: at(expiresAt) })] : []),
    ...(state === 'active' ? [lastUsedAt === null ? t('keys.unused') : t('keys.usedAt', { at: at(lastUsedAt) })] : []),
    t('keys.createdAt', { at: at(createdAt) }),
  ];
}

/**
 * The first key closes an open server, and ends this page's socket before an answer could come over it. So it is made by a
 * request of its own, and this tab continues with it.
 */
async function makeFirst(wish: InputOf<'keys.create'>): Promise<Outputs['keys']['create']> {
  const answer = await request('/api/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  });
  const created = (await answer.json().catch(() => ({}))) as Outputs['keys']['create'] & { detail?: string };
  if (!answer.ok) throw new Error(created.detail ?? t('models.refused', { status: answer.status }));
  if (storedToken() === undefined) keepToken(created.key);
  return created;
}
