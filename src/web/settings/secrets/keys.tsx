import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { hasRole, roles } from '../../../core/model/principal.ts';
import { currentUser } from '../../data/people.ts';
import { fetchWithToken, type InputOf, mutate, query } from '../../data/server.ts';
import { readToken, saveToken } from '../../data/token.ts';
import { formatDateTime } from '../../parts/format.ts';
import { ConfirmButton, OneTimeSecret, ResourceList, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { InvalidFieldsError } from '../../parts/kit/trouble.tsx';
import { projectNameOf } from '../../sessions/filter-bar.tsx';
import { t } from '../../text/text.ts';

type Key = Outputs['keys']['list']['keys'][number];
const lifetimes = [30, 90, 365]; // days
const dayMs = 86_400_000;

export function ApiKeysPage() {
  const [made, setMade] = useState<Outputs['keys']['create']>();
  const keys = useResourceList(t('keys.unread'), async () => (await query('keys.list', undefined)).keys);
  const revoke = (id: string) =>
    keys.act(t('keys.notRevoked'), async () => {
      await mutate('keys.revoke', { id });
      if (made?.view.id === id) setMade(undefined);
    });
  const ends = useMemo(
    () => lifetimes.map((n) => [new Date(Date.now() + n * dayMs).toISOString(), t('keys.days', { n })] as const),
    [made],
  );
  const isFirst = keys.all?.length === 0;
  const isAdmin = currentUser.value?.role !== 'auditor';
  const form = keys.all && isAdmin && (
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
        await keys.reload(); // runs before `setMade`, because the reload replaces the form for the first key
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
          {isFirst && isAdmin && <p class="note wait">{t('keys.first')}</p>}
          {form}
          {made && <OneTimeSecret label={t('keys.made', { name: made.view.name })} text={made.key} />}
        </>
      }
      toItem={(key) => toItem(key, { revoke: isAdmin ? revoke : undefined, namesProject: true })}
    >
      <p class="quiet">{t('keys.effect')}</p>
    </ResourceList>
  );
}

interface SectionProps {
  readonly title: string;
  readonly about: string;
  readonly none: string;
  readonly list: () => Promise<readonly Key[]>;
  readonly revoke: (id: string) => Promise<unknown>;
  readonly form: (show: (created: CreatedKey) => Promise<unknown>) => ComponentChildren;
}
type CreatedKey = Outputs['projectAccounts']['create'];
function KeySection({ title, about, none, list, revoke, form }: SectionProps) {
  const [made, setMade] = useState<CreatedKey>();
  const keys = useResourceList(t('keys.unread'), list);
  const end = (id: string) =>
    keys.act(t('keys.notRevoked'), async () => {
      await revoke(id);
      if (made?.view.id === id) setMade(undefined);
    });
  const show = async (created: CreatedKey) => {
    setMade(created);
    await keys.reload();
  };
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ResourceList of={keys} about={about} none={none} toItem={(key) => toItem(key, { revoke: end })}>
        {made?.key && <OneTimeSecret label={t('keys.made', { name: made.view.name })} text={made.key} />}
        {form(show)}
      </ResourceList>
    </section>
  );
}

export const PersonalKeys = () => (
  <KeySection
    title={t('keys.personal')}
    about={t('keys.own')}
    none={t('keys.none')}
    list={() => query('personalKeys.list', undefined)}
    revoke={(id) => mutate('personalKeys.revoke', { id })}
    form={(show) => (
      <SchemaForm
        of="personalKeys.create"
        words="keys"
        title={t('keys.new')}
        save={t('keys.make')}
        failure={t('keys.notMade')}
        value={{ role: currentUser.value?.role, lifeDays: lifetimes[1] }}
        fields={{
          name: { label: t('keys.program') },
          role: {
            choices: roles
              .filter((role) => hasRole({ role: currentUser.value?.role ?? 'nobody' }, role))
              .map((role) => [role, t(`keys.role.${role}`)] as const),
          },
          lifeDays: {},
        }}
        send={async (input) => await show(await mutate('personalKeys.create', input))}
      />
    )}
  />
);

export const ProjectAccounts = ({ id }: { id: string }) => (
  <KeySection
    title={t('accounts')}
    about={t('accounts.about')}
    none={t('accounts.none')}
    list={() => query('projectAccounts.list', { id })}
    revoke={(account) => mutate('projectAccounts.revoke', { id, account })}
    form={(show) => (
      <SchemaForm
        of="projectAccounts.create"
        words="members"
        title={t('accounts.new')}
        draftKey={id}
        save={t('accounts.make')}
        failure={t('accounts.notMade')}
        value={{ role: 'member' }}
        fields={{
          name: { label: t('keys.program') },
          role: {},
          lifeDays: { label: t('keys.lifeDays'), placeholder: t('keys.forever') },
        }}
        send={async (input) => await show(await mutate('projectAccounts.create', { ...input, id }))}
      />
    )}
  />
);

interface ItemOptions {
  readonly revoke: ((id: string) => void) | undefined;
  readonly namesProject?: boolean;
}
const toItem = (key: Key, { revoke, namesProject = false }: ItemOptions) => ({
  key: key.id,
  title: key.name,
  code: `${key.prefix}…`,
  lines: [listFacts(key, { namesProject }).join(' · ')],
  action: revoke && key.state === 'active' && (
    <ConfirmButton
      label={t('revoke')}
      name={t('keys.revokeOne', { name: key.name })}
      ask={t('keys.revokeAsk')}
      act={() => revoke(key.id)}
    />
  ),
});

function listFacts(key: Key, { namesProject }: { namesProject: boolean }): string[] {
  const { role, person, project, state, trust, createdAt, expiresAt, lastUsedAt, revokedAt } = key;
  return [
    project ? t(`members.role.${project.role}`) : t(`keys.role.${role}`),
    ...(project && namesProject ? [projectNameOf(project.id) ?? project.id] : []),
    ...(person === null || person === currentUser.value?.person ? [] : [t('keys.ofPerson')]),
    ...(trust ? [t('keys.trust', { issuer: trust.issuer })] : []),
    ...(revokedAt !== null ? [t('keys.revokedAt', { at: formatDateTime(revokedAt) })] : []),
    ...(state === 'expired' && expiresAt !== null ? [t('keys.expired', { at: formatDateTime(expiresAt) })] : []),
    ...(state === 'active' && expiresAt !== null ? [t('keys.until', { at: formatDateTime(expiresAt) })] : []),
    ...(state === 'active'
      ? [lastUsedAt === null ? t('keys.unused') : t('keys.usedAt', { at: formatDateTime(lastUsedAt) })]
      : []),
    t('keys.createdAt', { at: formatDateTime(createdAt) }),
  ];
}

/** Uses an HTTP request, because the first key ends open access, which closes the page's socket. */
async function makeFirst(wish: InputOf<'keys.create'>): Promise<Outputs['keys']['create']> {
  const answer = await fetchWithToken('/api/v1/keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wish),
  });
  const created = (await answer.json().catch(() => ({}))) as Outputs['keys']['create'] & { detail?: string };
  if (!answer.ok) {
    const why = created.detail ?? t('models.refused', { status: answer.status });
    throw answer.status === 400 && wish.role !== 'admin' ? new InvalidFieldsError({ role: why }) : new Error(why);
  }
  if (readToken() === undefined) saveToken(created.key);
  return created;
}
