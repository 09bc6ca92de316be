import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query } from '../../data/server.ts';
import { formatBytes } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { CheckboxField, ChoiceField } from '../../parts/kit/field.tsx';
import { List } from '../../parts/kit/list.tsx';
import { FormError, LoadPlaceholder, useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { ServerSettings } from '../server/server-settings.tsx';
import { describeNoteVersion, type MemoryNote, NoteView } from './note.tsx';

const memoryParts = ['memory'];
type Summary = Outputs['memory']['list'][number];
const keyOf = ({ of, id }: Summary) => `${of}:${id}`;

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
  if (!all || !notes || !holder) return <LoadPlaceholder problem={trouble} />;
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
      <ServerSettings parts={memoryParts} isForAll />
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
