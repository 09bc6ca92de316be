import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { currentUser } from '../../data/people.ts';
import { mutate, query } from '../../data/server.ts';
import { formatCount, formatDateTime } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { TextField } from '../../parts/kit/field.tsx';
import { List } from '../../parts/kit/list.tsx';
import { ConfirmButton } from '../../parts/kit/resource-list.tsx';
import { FormError, LoadPlaceholder, useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { CsvButton } from './csv.tsx';
import { LoadMoreButton, readAllPages, usePagedList } from './paged.tsx';
import { loadSpendingFormatter } from './spending.ts';

type ListedPerson = Outputs['people']['list']['people'][number] & { readonly spent: string };
const mostExported = 10_000;

export function PeoplePage() {
  const [text, setText] = useState('');
  const [trouble, tryIt] = useActionError();
  const people = usePagedList<ListedPerson>(text, async (after) => {
    const [{ items, next }, spent] = await Promise.all([
      readPage({ text, limit: 50, after }),
      loadSpendingFormatter('person'),
    ]);
    return { items: items.map((person) => ({ ...person, spent: spent(person.owner) })), next };
  });
  if (!people.items) return <LoadPlaceholder problem={people.trouble} again={people.again} />;
  const hasIssuers = new Set(people.items.map(({ issuer }) => issuer)).size > 1;
  const change = (id: string, disabled: boolean) =>
    tryIt(t('administration.notChanged'), async () => {
      await mutate('people.change', { id, disabled });
      await people.again();
    });
  return (
    <>
      <p class="quiet">{t('administration.people.about')}</p>
      <TextField label={t('administration.search')} value={text} maxLength={200} onChange={setText} />
      <List
        none={t('administration.people.none')}
        label={t('administration.people')}
        isSearched={false}
        items={people.items.map(toItem)}
      />
      <LoadMoreButton {...people} />
      <FormError text={trouble || people.trouble} />
      <CsvButton name="people" table={exported} />
    </>
  );

  function toItem(person: ListedPerson) {
    const { id, name, email, issuer, role, disabled, lastSeenAt, sessions, spent } = person;
    const title = name ?? email ?? id;
    return {
      key: id,
      title,
      lines: [
        ...[[...(name && email ? [email] : []), ...(hasIssuers ? [issuer] : [])].join(' · ')].filter(Boolean),
        [
          role === null ? t('administration.noRole') : t(`keys.role.${role}`),
          ...(disabled ? [t('administration.disabled')] : []),
          t('administration.seen', { at: formatDateTime(lastSeenAt) }),
          t('administration.sessions', { n: formatCount(sessions) }),
          spent,
        ].join(' · '),
      ],
      waits: disabled,
      action:
        currentUser.value?.role === 'admin' &&
        currentUser.value.person !== id &&
        (disabled ? (
          <Button
            class="small"
            label={t('administration.enable')}
            aria-label={t('administration.enableOne', { name: title })}
            onClick={() => change(id, false)}
          />
        ) : (
          <ConfirmButton
            label={t('administration.disable')}
            name={t('administration.disableOne', { name: title })}
            ask={t('administration.disableAsk')}
            act={() => change(id, true)}
          />
        )),
    };
  }
}

async function readPage({ after, ...filter }: { text?: string; limit: number; after: string | undefined }) {
  const { people, next } = await query('people.list', { ...filter, ...(after !== undefined && { after }) });
  return { items: people, next };
}

async function exported() {
  const rows = await readAllPages(mostExported, (after) => readPage({ limit: 200, after }));
  return [
    ['id', 'name', 'email', 'issuer', 'role', 'disabled', 'created', 'last seen', 'sessions'],
    ...rows.map(({ id, name, email, issuer, role, disabled, createdAt, lastSeenAt, sessions }) => [
      ...[id, name, email, issuer, role, String(disabled), createdAt, lastSeenAt, sessions],
    ]),
  ];
}
