import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query } from '../../data/server.ts';
import { formatDateTime } from '../../parts/format.ts';
import { ChoiceField, TextField } from '../../parts/kit/field.tsx';
import { List } from '../../parts/kit/list.tsx';
import { FormError, LoadPlaceholder } from '../../parts/kit/trouble.tsx';
import { isTextKey, t } from '../../text/text.ts';
import { CsvButton } from './csv.tsx';
import { LoadMoreButton, readAllPages, usePagedList } from './paged.tsx';

type Row = Outputs['administration']['audit']['rows'][number];
const mostExported = 50_000;
const outcomes = ['', 'done', 'refused'] as const;
const columns = ['at', 'action', 'target', 'outcome', 'by', 'key', 'name', 'role', 'address', 'request'] as const;
const filters = ['action', 'target', 'key', 'text'] as const;

export function AuditPage() {
  const [texts, setTexts] = useState({ action: '', target: '', key: '', text: '' });
  const [outcome, setOutcome] = useState<(typeof outcomes)[number]>('');
  const given = Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (text.trim() ? [[name, text.trim()]] : [])),
  );
  const filter = { ...given, ...(outcome !== '' && { outcome }) };
  const read = (limit: number) => async (before: string | undefined) => {
    const page = await query('administration.audit', { ...filter, limit, ...(before !== undefined && { before }) });
    return { items: page.rows, next: page.next };
  };
  const log = usePagedList<Row>(JSON.stringify(filter), read(50));
  const exported = async () => {
    const rows = await readAllPages(mostExported, read(1_000));
    return [[...columns, 'detail'], ...rows.map((row) => [...columns.map((name) => row[name]), detailsOf(row.detail)])];
  };
  if (!log.items) return <LoadPlaceholder problem={log.trouble} again={log.again} />;
  return (
    <>
      <p class="quiet">{t('administration.audit.about')}</p>
      <div class="filters grid">
        {filters.map((name) => (
          <TextField
            key={name}
            label={t(`administration.audit.${name}`)}
            value={texts[name]}
            maxLength={100}
            onChange={(text) => setTexts({ ...texts, [name]: text })}
          />
        ))}
        <ChoiceField
          label={t('administration.audit.outcome')}
          value={outcome}
          choices={outcomes.map((one) => [one, t(`administration.audit.outcome.${one || 'all'}`)] as const)}
          onChange={setOutcome}
        />
      </div>
      <List
        none={t(log.next ? 'administration.audit.noneYet' : 'administration.audit.none')}
        label={t('administration.audit')}
        isSearched={false}
        items={log.items.map(toItem)}
      />
      <LoadMoreButton {...log} />
      <FormError text={log.trouble} />
      <CsvButton name="audit" table={exported} />
    </>
  );
}

const detailsOf = (detail: Row['detail']) =>
  Object.entries(detail)
    .map(([field, value]) => `${field}=${value}`)
    .join(' ');
const wordOf = (group: string, word: string) => {
  const key = `${group}.${word}`;
  return isTextKey(key) ? t(key) : word;
};

const toItem = ({ id, at, action, target, outcome, by, key, name, role, address, detail }: Row) => ({
  key: id,
  title: action,
  ...(target !== null && { code: target }),
  lines: [
    [
      formatDateTime(at),
      [
        name ?? key ?? wordOf('administration.audit.by', by),
        ...(role === null ? [] : [`(${wordOf('keys.role', role)})`]),
      ].join(' '),
      ...(address === null ? [] : [address]),
      ...(outcome === 'done' ? [] : [t('administration.audit.failed', { code: outcome })]),
    ].join(' · '),
    ...(Object.keys(detail).length === 0 ? [] : [detailsOf(detail)]),
  ],
  waits: outcome !== 'done',
});
