import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { mutate, query } from '../../data/server.ts';
import { formatAge } from '../../parts/format.ts';
import { minuteClock } from '../../parts/kit/ago.tsx';
import { Button } from '../../parts/kit/button.tsx';
import { List } from '../../parts/kit/list.tsx';
import { ConfirmButton } from '../../parts/kit/resource-list.tsx';
import { FormError, LoadPlaceholder, useActionError, useLoadAction } from '../../parts/kit/trouble.tsx';
import { projectNameOf } from '../../sessions/filter-bar.tsx';
import { t, translateServerText } from '../../text/text.ts';

type BuiltTemplate = Outputs['templateBuilds']['list'][number];
type Build = Outputs['templateBuilds']['builds'][number];
type LogEntry = Outputs['templateBuilds']['status']['log'][number];
const lookMs = 1_000; // polling interval while a build is running

export function BuiltTemplates() {
  const [all, setAll] = useState<readonly BuiltTemplate[]>();
  const [reason, setReason] = useState('');
  const [chosen, setChosen] = useState<string>();
  const read = async () => setAll(await query('templateBuilds.list', undefined));
  const [trouble, , again] = useLoadAction(t('built.unread'), async () => {
    setReason((await query('templateBuilds.ability', undefined)).reason ?? '');
    await read();
  });
  if (!all) return <LoadPlaceholder problem={trouble} again={again} />;
  const template = all.find(({ id }) => id === chosen);
  if (template) {
    const toList = () => setChosen(undefined);
    const gone = () => {
      setAll(all.filter(({ id }) => id !== template.id));
      toList();
    };
    return <OneTemplate key={template.id} template={template} readTags={read} back={toList} gone={gone} />;
  }
  return (
    <>
      <p class="quiet">{t('built.about')}</p>
      {reason !== '' && <p class="note">{translateServerText(reason)}</p>}
      <List
        none={t('built.none')}
        items={all.map(({ id, name, projectId, tags }) => ({
          key: id,
          title: name,
          lines: [projectNameOf(projectId) ?? [], tags.map(({ tag }) => tag).join(', ') || t('built.notYet')].flat(),
          open: () => setChosen(id),
        }))}
      />
    </>
  );
}

interface Props {
  readonly template: BuiltTemplate;
  readonly readTags: () => Promise<void>;
  readonly back: () => void;
  readonly gone: () => void;
}

const isOpen = ({ status }: Build) => status === 'waiting' || status === 'building';

function OneTemplate({ template: { id, name, tags }, readTags, back, gone }: Props) {
  const [builds, setBuilds] = useState<readonly Build[]>();
  const [shown, setShown] = useState<string>();
  const [trouble, tryIt] = useActionError();
  const read = () =>
    tryIt(t('built.buildsUnread'), async () => {
      setBuilds(await query('templateBuilds.builds', { id }));
      await readTags();
    });
  useEffect(() => void read(), [id]);
  const build = builds?.find((one) => one.id === shown) ?? builds?.[0];
  const remove = async () => {
    if (await tryIt(t('notDeleted'), () => mutate('templateBuilds.delete', { id }))) gone();
  };
  return (
    <>
      <div class="row">
        <Button label={t('built.all')} onClick={back} />
        <ConfirmButton label={t('delete')} name={t('built.delete', { name })} ask={t('built.deleteAsk')} act={remove} />
      </div>
      <h3>{name}</h3>
      <FormError text={trouble} />
      <List
        none={t('built.noBuilds')}
        label={t('built.builds')}
        items={(builds ?? []).map((one) => ({
          key: one.id,
          title: t(`built.${one.status}`),
          lines: [
            formatAge(Date.parse(one.createdAt), minuteClock.value),
            ...tags.filter(({ build: of }) => of === one.id).map(({ tag }) => tag),
          ],
          isChosen: one.id === build?.id,
          open: () => setShown(one.id),
        }))}
      />
      {build && <BuildLog key={build.id} build={build} changed={() => void read()} />}
    </>
  );
}

function BuildLog({ build, changed }: { readonly build: Build; readonly changed: () => void }) {
  const { id, templateId } = build;
  const [entries, setEntries] = useState<readonly LogEntry[]>([]);
  const [trouble, tryIt] = useActionError();
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let offset = 0;
    let { status } = build;
    const look = async (): Promise<void> => {
      const now = await query('templateBuilds.status', { id: templateId, build: id, offset });
      if (isOver) return;
      offset += now.log.length;
      if (now.log.length > 0) setEntries((before) => [...before, ...now.log]);
      if (now.build.status !== status) changed();
      ({ status } = now.build);
      if (now.log.length > 0) return await look();
      if (isOpen(now.build)) timer = setTimeout(() => void tryIt(t('built.logUnread'), look), lookMs);
    };
    void tryIt(t('built.logUnread'), look);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [id]);
  return (
    <section aria-label={t('built.log')}>
      <div class="row">
        <h4>{t('built.log')}</h4>
        {isOpen(build) && (
          <Button
            class="small"
            label={t('built.stop')}
            onClick={() =>
              void tryIt(t('built.notStopped'), () => mutate('templateBuilds.cancel', { id: templateId, build: id }))
            }
          />
        )}
      </div>
      <FormError text={trouble} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keys can scroll only what they can reach */}
      <pre class="build-log scrolls pre" tabIndex={0}>
        {entries.map(({ text }) => text).join('\n')}
      </pre>
    </section>
  );
}
