import { useEffect, useRef, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { toDisplayName } from '../../../core/text/file-names.ts';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { fetchWithToken, query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { formatBytes, formatDateTime } from '../../parts/format.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { SegmentedControl } from '../../parts/kit/choice.tsx';
import { closeDialog, confirmAction, Dialog, showDialog } from '../../parts/kit/dialog.tsx';
import { EmptyState } from '../../parts/kit/empty.tsx';
import { Form, TextField } from '../../parts/kit/field.tsx';
import { LoadPlaceholder, useLoadedData } from '../../parts/kit/trouble.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { t, translateServerText } from '../../text/text.ts';
import { FileView, StepsView } from './file-view.tsx';
import { type FileStore, fileFilter, fileFilters, openFileStore, readFileErrorDetail, toFileUrl } from './store.ts';
import { dismissFileTransfer, downloadFile, fileTransfers, uploadFile } from './transfers.ts';
import { rootPath, toChildPath } from './tree.ts';
import { FileTree } from './tree.tsx';

const roomForBoth = 720; // pixels; must match work.css

export function FilesPane({ session }: { session: Session }) {
  const store = openFileStore(session.id);
  const picker = useRef<HTMLInputElement>(null);
  const tab = useRef<HTMLElement>(null);
  const [isOver, setOver] = useState(false);
  useEffect(() => store.follow(), [store]);
  const take = (list: FileList | readonly File[] | null | undefined) => void sendAll(store, [...(list ?? [])]);
  const shown = store.shown.value;
  return (
    <section
      ref={tab}
      class="files"
      aria-label={t('tab.files')}
      data-drop={isOver ? 'true' : undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        // A pointer that moves between elements of the tab is still over the tab.
        if (!currentTarget.contains(relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
      onPaste={(event) => take(event.clipboardData?.files)}
    >
      <div class="files-list fill stack">
        <div class="row work-bar border-bottom rigid">
          <SegmentedControl
            label={t('files.which')}
            value={fileFilter.value}
            options={fileFilters.map((value) => ({ value, label: t(`files.${value}`) }))}
            onChange={(value) => {
              fileFilter.value = value;
              if ((tab.current?.clientWidth ?? 0) < roomForBoth) store.shown.value = undefined;
            }}
          />
          <span class="fill" />
          <IconButton icon="plus" label={t('files.new')} onClick={() => showDialog(<NewFile store={store} />)} />
          <IconButton icon="upload" label={t('files.upload')} onClick={() => picker.current?.click()} />
          <IconButton
            icon="download"
            label={t('files.zip')}
            onClick={() =>
              tryOrNotify(t('files.noZip'), () =>
                downloadFile(`/streams/sessions/${session.id}/zip`, `${session.title}.zip`),
              )
            }
          />
          <IconButton icon="retry" label={t('files.refresh')} onClick={() => void store.refresh()} />
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            aria-label={t('files.upload')}
            onChange={({ currentTarget }) => {
              take(currentTarget.files);
              currentTarget.value = '';
            }}
          />
        </div>
        <Transfers sessionId={store.sessionId} />
        <Listing store={store} />
      </div>
      {shown !== undefined && (
        <div class="file fill stack">
          <OpenFiles store={store} />
          <FileView
            key={`${shown} ${fileFilter.value} ${store.step.value}`}
            store={store}
            path={shown}
            part={fileFilter.value}
          />
        </div>
      )}
      {isOver && <p class="drop-hint bold">{t('files.drop')}</p>}
    </section>
  );
}

function Listing({ store }: { store: FileStore }) {
  const state = store.state.value;
  if (state === 'loading') return <LoadPlaceholder />;
  if (state === 'asleep') {
    if (isStarting()) return <p class="quiet empty">{t('files.starting')}</p>;
    return (
      <EmptyState text={t('files.asleep')}>
        <Button label={t('files.show')} onClick={() => void store.refresh()} />
      </EmptyState>
    );
  }
  if (typeof state === 'object') return <LoadPlaceholder problem={state.failed} again={() => store.refresh()} />;
  if (fileFilter.value === 'steps') return <StepsView store={store} />;
  return fileFilter.value === 'all' ? <FileTree store={store} /> : <ChangesView store={store} />;
}

function isStarting(): boolean {
  if (sessionEventCount.value === 0) return false;
  const last = sessionEvents.findLast(({ type }) => type === 'sandbox.phase');
  return last?.type === 'sandbox.phase' && ['queued', 'image', 'starting'].includes(last.data.phase);
}

async function sendAll(store: FileStore, files: readonly File[]): Promise<void> {
  const { folder, sessionId } = store;
  for (const file of files) {
    const path = toChildPath(folder, file.name);
    const target = { sessionId, path, file };
    const outcome = await uploadFile({ ...target, replaces: false });
    if (outcome === 'exists') {
      confirmAction({
        title: t('files.replaceTitle'),
        text: t('files.replaceText', { path }),
        yes: t('files.replace'),
        act: () => void uploadFile({ ...target, replaces: true }).then(() => store.refresh()),
      });
    }
  }
  if (files.length > 0) await store.refresh();
}

type Changes = Outputs['files']['changes'];
const letters = { added: '+', modified: '~', deleted: '−' } as const;

function ChangesView({ store }: { store: FileStore }) {
  const folders = store.folders.value; // a new listing triggers a new comparison
  const read = () => query('files.changes', { sessionId: store.sessionId });
  const { now: changes, problem, again } = useLoadedData(read, [store, folders]);
  if (!changes || problem !== '') return <LoadPlaceholder problem={problem} again={again} />;
  const { since, files, truncated } = changes;
  if (!since) return <p class="quiet empty">{t('files.noRun')}</p>;
  const time = formatDateTime(since.at);
  if (files.length === 0) return <p class="quiet empty">{t('files.unchanged', { time })}</p>;
  return (
    <>
      <p class="quiet work-note">{t('files.since', { time, count: files.length })}</p>
      <VirtualList
        class="tree scrolls fill"
        label={t('checkpoints.changed')}
        count={files.length}
        rowHeight={30}
        row={(index) => {
          const file = files[index] as Changes['files'][number];
          return (
            <div key={file.path} role="listitem">
              <button
                type="button"
                class="row tree-row full change"
                aria-current={file.path === store.shown.value}
                onClick={() => {
                  store.shown.value = file.path;
                }}
              >
                <span class="change-mark tinted rigid" data-change={file.change} title={t(`files.${file.change}`)}>
                  <span aria-hidden="true">{letters[file.change]}</span>
                  <span class="sr-only">{t(`files.${file.change}`)}</span>
                </span>
                <span class="cut fill">{toDisplayName(file.path)}</span>
                <span class="quiet figures small-text rigid">{formatBytes(file.after ?? file.before ?? 0)}</span>
              </button>
            </div>
          );
        }}
      />
      {truncated && <p class="work-note">{t('files.changesCut')}</p>}
    </>
  );
}

function NewFile({ store }: { store: FileStore }) {
  const [path, setPath] = useState(store.folder === rootPath ? '' : toChildPath(store.folder, ''));
  const make = async () => {
    const target = path.trim();
    const headers = { 'content-type': 'application/octet-stream', 'if-none-match': '*' };
    const answer = await fetchWithToken(toFileUrl(store.sessionId, target), { method: 'PUT', headers, body: '' });
    const exists = answer.status === 412;
    if (!answer.ok && !exists) throw new Error(translateServerText(await readFileErrorDetail(answer)));
    closeDialog();
    await store.refresh();
    store.shown.value = target;
  };
  return (
    <Dialog title={t('files.new')}>
      <Form failure={t('files.notCreated')} save={t('files.create')} isOff={path.trim() === ''} onSave={make}>
        <TextField label={t('files.path')} placeholder="notes/todo.md" value={path} onChange={setPath} />
      </Form>
    </Dialog>
  );
}

function OpenFiles({ store }: { store: FileStore }) {
  const { value: paths } = store.opened;
  const list = useRef<HTMLUListElement>(null);
  useEffect(
    () => list.current?.querySelector('[data-shown="true"]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }),
    [store.shown.value, paths.length],
  );
  if (paths.length < 2) return null;
  return (
    <ul ref={list} class="open-files border-bottom rigid" aria-label={t('files.opened')}>
      {paths.map((path) => (
        <li key={path} class="row rigid" data-shown={path === store.shown.value}>
          <button
            type="button"
            title={path}
            aria-current={path === store.shown.value}
            onClick={() => {
              store.shown.value = path;
            }}
          >
            {path.split('/').at(-1)}
            {store.drafts.has(path) && <span role="img" aria-label={t('files.unsaved')} class="unsaved" />}
          </button>
          <IconButton
            class="small"
            icon="close"
            label={t('files.closeOne', { path })}
            onClick={() => store.close(path)}
          />
        </li>
      ))}
    </ul>
  );
}

const Transfers = ({ sessionId }: { sessionId: string }) => (
  <ul class="transfers rigid small-text" aria-label={t('files.uploads')}>
    {fileTransfers.value
      .filter((one) => one.sessionId === sessionId)
      .map(({ key, name, done, failed, cancel }) => (
        <li key={key}>
          <span class="cut fill" dir="auto">
            {toDisplayName(name)}
          </span>
          {failed === undefined ? (
            <progress aria-label={t('files.sending', { name })} value={done} />
          ) : (
            <span class="bad-text" role="alert">
              {failed}
            </span>
          )}
          <IconButton
            icon="close"
            label={t(failed === undefined ? 'cancel' : 'notice.dismiss')}
            onClick={() => (failed === undefined ? cancel() : dismissFileTransfer(key))}
          />
        </li>
      ))}
  </ul>
);
