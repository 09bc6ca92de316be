import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Inputs, Outputs } from '../../../client/types.ts';
import { openSessionFromDialog } from '../../app/layout.ts';
import { DiffView } from '../../conversation/tool-result.tsx';
import { mutate, query } from '../../data/server.ts';
import { escapeHiddenCharacters } from '../../parts/bounded-text.ts';
import { diffLines } from '../../parts/diff.ts';
import { focusFirstButton } from '../../parts/focus.ts';
import { formatBytes, formatDateTime } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { CheckboxField, ChoiceField } from '../../parts/kit/field.tsx';
import { List } from '../../parts/kit/list.tsx';
import { ConfirmButton } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { FormError, LoadPlaceholder, useActionError, useLoadAction } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { ServerSettings } from '../server/server-settings.tsx';

type Summary = Outputs['memory']['list'][number];
const keyOf = ({ of, id = '' }: Inputs['memory']['notes']) => `${of}:${id}`;

export function MemoryPage() {
  const [all, setAll] = useState<readonly Summary[]>();
  const [chosen, setChosen] = useState('');
  const [notes, setNotes] = useState<readonly MemoryNote[]>();
  const [open, setOpen] = useState<MemoryNote | 'new'>();
  const [trouble, tryIt] = useActionError();
  const [withDeleted, setWithDeleted] = useState(false);
  const holder = all?.find((one) => keyOf(one) === chosen) ?? all?.[0];
  const read = () =>
    tryIt(t('memory.unread'), async () => {
      const found = await query('memory.list', undefined);
      setAll(found);
      const { of, id } = found.find((one) => keyOf(one) === chosen) ?? found[0] ?? { of: 'person' as const, id: '' };
      setNotes(await query('memory.notes', { of, id }));
    });
  useEffect(() => void read(), [chosen]);
  if (!all || !notes || !holder) return <LoadPlaceholder problem={trouble} again={read} />;
  const names = new Map(all.flatMap(({ of, id, name }) => (of === 'person' ? [[id, name] as const] : [])));
  if (open)
    return (
      <NoteView
        key={open === 'new' ? '' : open.path}
        holder={{ of: holder.of, id: holder.id }}
        note={open === 'new' ? undefined : open}
        names={names}
        back={() => {
          setOpen(undefined);
          void read();
        }}
      />
    );
  const shown = notes.filter(({ deleted }) => withDeleted || !deleted);
  const hasDeleted = notes.some(({ deleted }) => deleted);
  return (
    <>
      <p class="quiet">{t('memory.about')}</p>
      <ServerSettings parts={['memory']} isForAll />
      {all.length > 1 && (
        <ChoiceField
          label={t('memory.whose')}
          value={keyOf(holder)}
          choices={all.map((one) => [keyOf(one), t('memory.holder', { name: nameOf(one), n: one.notes })])}
          onChange={setChosen}
        />
      )}
      <FormError text={trouble} />
      <div class="choices start">
        <Button kind="primary" icon="plus" label={t('memory.new')} onClick={() => setOpen('new')} />
        {hasDeleted && <CheckboxField label={t('memory.withDeleted')} isOn={withDeleted} onChange={setWithDeleted} />}
      </div>
      <List
        none={t('memory.none')}
        items={shown.map((note) => ({
          key: note.path,
          title: note.path,
          lines: [describeNoteVersion(note, names)],
          open: () => setOpen(note),
        }))}
      />
      <p class="quiet">{t('memory.room', { used: formatBytes(holder.size), most: formatBytes(holder.maxSize) })}</p>
    </>
  );
}

const nameOf = ({ of, id, name }: Summary): string =>
  t(of === 'person' ? 'budgets.person' : 'budgets.project', { name: name || id || t('usage.nobody') });

const focusFirstField = (node: HTMLElement | null) => node?.parentElement?.querySelector('input')?.focus();

type MemoryNote = Outputs['memory']['notes'][number];
type Version = Outputs['memory']['history'][number];
type PersonNames = ReadonlyMap<string, string>;

interface Props {
  readonly holder: Inputs['memory']['notes'];
  readonly note: MemoryNote | undefined;
  readonly names: PersonNames;
  readonly back: () => void;
}

function NoteView({ holder, note: given, names, back }: Props) {
  const [note, setNote] = useState(given);
  const [text, setText] = useState<string>();
  const [history, setHistory] = useState<readonly Version[]>([]);
  const place = { ...holder, path: note?.path ?? '' };

  const read = async (now: MemoryNote | undefined) => {
    if (!now) return setText('');
    const versions = await query('memory.history', { ...holder, path: now.path });
    setNote(now); // set with the history: a click between the two updates could open an older version's change
    setHistory(versions);
    setText(now.deleted ? '' : (versions[0]?.text ?? ''));
  };
  const [trouble, tryIt, again] = useLoadAction(t('memory.unread'), () => read(given));
  const isReadable = history.some((version) => version.text !== null);
  const change = (what: string, work: () => Promise<MemoryNote>) => tryIt(what, async () => read(await work()));
  if (text === undefined) return <LoadPlaceholder problem={trouble} again={again} />;
  return (
    <>
      <div class="choices start" ref={given ? focusFirstButton : focusFirstField}>
        <Button icon="back" label={t('memory.all')} onClick={back} />
        {note && (note.deleted ? isReadable : history.length > 1) && (
          <Button
            label={t(note.deleted ? 'restore' : 'memory.undo')}
            onClick={() =>
              change(t(note.deleted ? 'memory.notRestored' : 'memory.notUndone'), () => mutate('memory.undo', place))
            }
          />
        )}
        {note && !note.deleted && (
          <Button
            icon="trash"
            label={t('delete')}
            onClick={() => change(t('notDeleted'), () => mutate('memory.delete', place))}
          />
        )}
      </div>
      {note && <p class="quiet">{describeNoteVersion(note, names)}</p>}
      {note?.deleted ? (
        <h3>{escapeHiddenCharacters(note.path)}</h3>
      ) : (
        <SchemaForm
          key={note?.version}
          of="memory.write"
          words="memory"
          title={note ? escapeHiddenCharacters(note.path) : t('memory.new')}
          value={{ text }}
          draftKey={`${keyOf(holder)} ${note?.path ?? ''} ${note?.version ?? 0}`}
          needsChange={note !== undefined}
          fields={{
            ...(!note && { path: { placeholder: 'build/commands.md' } }),
            text: { as: 'long', canBeEmpty: true },
          }}
          send={async (input) => {
            const path = note?.path ?? input.path;
            await read(await mutate('memory.write', { ...input, ...holder, path, expect: note?.version ?? 0 }));
          }}
        />
      )}
      <FormError text={trouble} />
      {note && history.length > 0 && (
        <section aria-label={t('memory.history')}>
          <h3>{t('memory.history')}</h3>
          <p class="quiet">{t('memory.historyAbout')}</p>
          <ul class="note-versions">
            {history.map((version, n) => (
              <VersionRow
                key={version.number}
                version={version}
                names={names}
                before={history[n + 1]}
                isNewest={n === 0}
                bringBack={() =>
                  change(t('memory.notRestored'), () => mutate('memory.undo', { ...place, to: version.number }))
                }
                redact={() =>
                  change(t('memory.notRedacted'), () => mutate('memory.redact', { ...place, version: version.number }))
                }
              />
            ))}
          </ul>
          {isReadable && (
            <div>
              <ConfirmButton
                label={t('memory.redactAll')}
                name={t('memory.redactAll')}
                ask={t('memory.redactAllAsk')}
                act={() =>
                  tryIt(t('notDeleted'), async () => {
                    await mutate('memory.redact', { ...place, version: 'all' });
                    back();
                  })
                }
              />
            </div>
          )}
        </section>
      )}
    </>
  );
}

interface RowProps {
  readonly version: Version;
  readonly names: PersonNames;
  readonly before: Version | undefined;
  readonly isNewest: boolean;
  readonly bringBack: () => unknown;
  readonly redact: () => unknown;
}

function VersionRow({ version, names, before, isNewest, bringBack, redact }: RowProps) {
  const [isOpen, setOpen] = useState(false);
  const { number, at, author, text, redacted } = version;
  const lines = useMemo(
    () => (isOpen && text !== null ? diffLines(before ? (before.text ?? '') : null, text) : []),
    [isOpen, version, before],
  );
  const what = redacted
    ? t('memory.redacted', { at: formatDateTime(redacted.at) })
    : text === null
      ? t('memory.wasDeleted')
      : formatBytes(version.size);
  return (
    <li>
      <p>
        <strong>{t('memory.version', { n: number })}</strong>{' '}
        <span class="quiet">{[formatDateTime(at), writerOf(author, names), what].join(' · ')}</span>
      </p>
      <div class="choices start">
        {author.kind === 'agent' && (
          <Button
            kind="quiet"
            class="small"
            label={t('memory.session')}
            onClick={() => openSessionFromDialog(author.sessionId)}
          />
        )}
        {text !== null && (
          <Button
            kind="quiet"
            class="small"
            label={t(isOpen ? 'memory.hideChanges' : 'memory.showChanges')}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          />
        )}
        {!isNewest && text !== null && (
          <>
            <Button kind="quiet" class="small" label={t('memory.takeVersion')} onClick={bringBack} />
            <ConfirmButton
              label={t('memory.redact')}
              name={t('memory.redactOne', { n: number })}
              ask={t('memory.redactAsk')}
              act={redact}
            />
          </>
        )}
      </div>
      {isOpen && text !== null && <DiffView lines={lines} textOf={escapeHiddenCharacters} />}
    </li>
  );
}

function writerOf(author: MemoryNote['author'], names: PersonNames): string {
  if (author.kind === 'server') return t('memory.byServer');
  if (author.kind === 'person')
    return author.id === '' ? t('memory.byUnnamed') : t('memory.byPerson', { name: names.get(author.id) || author.id });
  return t(author.approved ? 'memory.byAgentApproved' : 'memory.byAgent');
}

const describeNoteVersion = ({ version, deleted, size, updatedAt, author }: MemoryNote, names: PersonNames): string =>
  [
    t('memory.version', { n: version }),
    deleted ? t('memory.wasDeleted') : formatBytes(size),
    formatDateTime(updatedAt),
    writerOf(author, names),
  ].join(' · ');
