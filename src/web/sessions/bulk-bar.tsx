import { type ReadonlySignal, signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { setSessionArchived, stopRun } from '../data/actions.ts';
import { mutate } from '../data/server.ts';
import { sessions } from '../data/sessions.ts';
import { toDisplayStatus } from '../data/status.ts';
import { Button, IconButton } from '../parts/kit/button.tsx';
import { confirmAction } from '../parts/kit/dialog.tsx';
import { notify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import { isSelectingSessions, selectedSessionIds, stopSelectingSessions } from './choosing.ts';

type BulkKind = 'delete' | 'stop' | 'archive';
interface BulkWork {
  readonly kind: BulkKind;
  readonly ids: readonly string[];
}
/** The current work, which the person can stop between two batches. */
const running = signal<(BulkWork & { readonly done: number; readonly end: AbortController }) | undefined>(undefined);

const portion = 8; // small, so that the progress moves steadily

/** Resolves with the number of sessions that could not be changed. */
async function workOn({ kind, ids }: BulkWork): Promise<number> {
  if (kind === 'delete') {
    const { kept } = await mutate('sessions.deleteMany', { ids: [...ids] });
    return kept.filter(({ code }) => code !== 'session_not_found').length; // children are deleted with their parent
  }
  const one = (id: string) => (kind === 'stop' ? stopRun(id) : setSessionArchived(id, true));
  const outcomes = await Promise.allSettled(ids.map(one));
  return outcomes.filter(({ status }) => status === 'rejected').length;
}

async function workOnAll(work: BulkWork): Promise<void> {
  const end = new AbortController();
  let failed = 0;
  let done = 0;
  if (work.kind !== 'stop') stopSelectingSessions(); // after a stop, people often delete the same sessions
  try {
    while (done < work.ids.length && !end.signal.aborted) {
      running.value = { ...work, done, end };
      const ids = work.ids.slice(done, done + portion);
      failed += await workOn({ kind: work.kind, ids }).catch(() => ids.length); // any of these may be unchanged
      done += ids.length;
    }
  } finally {
    running.value = undefined;
  }
  if (failed > 0) notify(t(work.kind === 'delete' ? 'someStayed' : 'bulk.someFailed', { n: failed }), 'bad');
  else notify(t(`bulk.${work.kind}.done`, { n: done }));
}

const isBusy = (id: string): boolean => {
  const session = sessions.value.find((one) => one.id === id);
  return session !== undefined && ['running', 'waiting'].includes(toDisplayStatus(session));
};

export function BulkActionBar({ shown }: { readonly shown: ReadonlySignal<readonly string[]> }) {
  const work = running.value;
  if (work) return <Progress />;
  if (!isSelectingSessions.value) return null;
  const ids = [...selectedSessionIds.value];
  const busy = ids.filter(isBusy);
  const askDelete = () =>
    confirmAction({
      title: t('deleteMany', { n: ids.length }),
      text: t('deleteManyTells', { n: ids.length }),
      yes: t('delete'),
      act: () => void workOnAll({ kind: 'delete', ids }),
    });
  return (
    <fieldset class="row chosen-bar small-text wrap rigid" aria-label={t('chosen', { n: ids.length })}>
      <span role="status">{t('chosen', { n: ids.length })}</span>
      <Button
        class="small"
        label={t('chooseAll')}
        onClick={() => {
          selectedSessionIds.value = new Set(shown.value);
        }}
      />
      <IconButton class="small" icon="close" label={t('cancel')} onClick={stopSelectingSessions} />
      <div class="chosen-actions wrap">
        <Button
          class="small"
          label={t('stop')}
          disabled={busy.length === 0}
          onClick={() => void workOnAll({ kind: 'stop', ids: busy })}
        />
        <Button
          class="small"
          label={t('bulk.archive')}
          disabled={ids.length === 0}
          onClick={() => void workOnAll({ kind: 'archive', ids })}
        />
        <Button class="small" kind="danger" label={t('delete')} disabled={ids.length === 0} onClick={askDelete} />
      </div>
      <p class="quiet">{t('chooseTells')}</p>
    </fieldset>
  );
}

function Progress() {
  const [isEnding, setEnding] = useState(false);
  const work = running.value;
  if (!work) return null;
  const words = t(`bulk.${work.kind}.doing`, { done: work.done, n: work.ids.length });
  return (
    <div class="row chosen-bar small-text wrap rigid">
      <span role="status">{words}</span>
      <Button
        class="small"
        label={t('bulk.end')}
        disabled={isEnding}
        onClick={() => {
          setEnding(true);
          work.end.abort();
        }}
      />
      <progress value={work.done} max={work.ids.length} aria-label={words} />
    </div>
  );
}
