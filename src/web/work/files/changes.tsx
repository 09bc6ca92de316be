import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { query, wordsOf } from '../../data/server.ts';
import { parse } from '../../parsing/parse.ts';
import { boundedLine } from '../../parts/bounded-text.ts';
import { bytes, timeOf } from '../../parts/format.ts';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t } from '../../text/text.ts';
import type { DiffLine } from './line-diff.ts';
import type { FileStore } from './store.ts';

type Changes = Outputs['files']['changes'];
const maxBytes = 512_000;
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

type Compared = { readonly lines: readonly DiffLine[] } | { readonly problem: string };

/** One file, compared with what the newest run found. */
export function FileDiff({ store, path }: { store: FileStore; path: string }) {
  const [compared, setCompared] = useState<Compared>();
  useEffect(() => {
    compare(store, path).then(setCompared, (thrown: unknown) => setCompared({ problem: wordsOf(thrown) }));
  }, [store, path]);
  if (!compared) return <p class="quiet empty">{t('files.loading')}</p>;
  if ('problem' in compared) return <p class="quiet empty">{compared.problem}</p>;
  const { lines } = compared;
  if (lines.length === 0) return <p class="quiet empty">{t('files.sameContent')}</p>;
  return <DiffLines lines={lines} label={t('files.changesOf', { path })} />;
}

export const DiffLines = ({ lines, label }: { lines: readonly DiffLine[]; label: string }) => (
  <VirtualList
    class="file-body diff-lines"
    label={label}
    count={lines.length}
    rowHeight={20}
    row={(at) => {
      const { kind, text, before, after } = lines[at] as DiffLine;
      return (
        <div key={at} role="listitem" class="diff-line" data-kind={kind}>
          <span class="diff-number">{before ?? ''}</span>
          <span class="diff-number">{after ?? ''}</span>
          <span class="diff-sign">
            {kind === 'added' ? '+' : kind === 'removed' ? '−' : kind === 'gap' ? '⋯' : ' '}
          </span>
          <span class="diff-text">{boundedLine(text)}</span>
        </div>
      );
    }}
  />
);

async function compare(store: FileStore, path: string): Promise<Compared> {
  const { sessionId } = store;
  const { files } = await query('files.changes', { sessionId });
  const file = files.find((one) => one.path === path);
  if (!file) return { lines: [] };
  if (Math.max(file.before ?? 0, file.after ?? 0) > maxBytes) return { problem: t('files.tooLargeToCompare') };
  const before = file.before === null ? '' : (await query('files.before', { sessionId, path })).content;
  const after = file.after === null ? '' : new TextDecoder().decode((await store.read(path, true)).bytes);
  if (before.includes('\0') || after.includes('\0')) return { problem: t('files.binary') };
  const lines = await parse('diff', { before, after });
  return lines ? { lines } : { problem: t('files.tooLargeToCompare') };
}
