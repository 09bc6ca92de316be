import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query, wordsOf } from '../../data/server.ts';
import { bytes, timeOf } from '../../parts/format.ts';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import type { FileStore } from './store.ts';

type Changes = Outputs['files']['changes'];
const letters = { added: '+', modified: '~', deleted: '−' } as const;

/** The files that have changed since the newest run began. */
export function ChangesView({ store }: { store: FileStore }) {
  const [changes, setChanges] = useState<Changes | { readonly failed: string }>();
  const folders = store.folders.value; // a new listing is a reason to compare again
  useEffect(() => {
    query('files.changes', { sessionId: store.sessionId }).then(setChanges, (thrown: unknown) =>
      setChanges({ failed: wordsOf(thrown) }),
    );
  }, [store, folders]);
  if (!changes) return <p class="quiet empty">{t('files.loading')}</p>;
  if ('failed' in changes) return <p class="empty bad-text">{changes.failed}</p>;
  const { since, files, truncated } = changes;
  if (!since) return <p class="quiet empty">{t('files.noRun')}</p>;
  const time = timeOf(Date.parse(since.at));
  if (files.length === 0) return <p class="quiet empty">{t('files.unchanged', { time })}</p>;
  return (
    <>
      <p class="quiet work-note">{t('files.since', { time, count: files.length })}</p>
      <VirtualList
        class="tree"
        label={t('files.changed')}
        count={files.length}
        rowHeight={30}
        row={(index) => {
          const file = files[index] as Changes['files'][number];
          return (
            <div key={file.path} role="listitem">
              <button
                type="button"
                class="tree-row change"
                aria-current={file.path === store.shown.value}
                onClick={() => {
                  store.shown.value = file.path;
                }}
              >
                <span class="change-mark" data-change={file.change} title={t(`files.${file.change}`)}>
                  <span aria-hidden="true">{letters[file.change]}</span>
                  <span class="sr-only">{t(`files.${file.change}`)}</span>
                </span>
                <span class="tree-name">{file.path}</span>
                <span class="quiet tree-size">{bytes(file.after ?? file.before ?? 0)}</span>
              </button>
            </div>
          );
        }}
      />
      {truncated && <p class="work-note">{t('files.changesCut')}</p>}
    </>
  );
}
