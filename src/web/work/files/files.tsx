import { useEffect, useRef, useState } from 'preact/hooks';
import { eventCount, events } from '../../data/log.ts';
import type { Session } from '../../data/sessions.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { Choice } from '../../parts/choice.tsx';
import { confirmFirst } from '../../parts/dialog.tsx';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { ChangesView } from './changes.tsx';
import { FileView } from './file-view.tsx';
import { askNewFile } from './new-file.tsx';
import { OpenFiles } from './open-files.tsx';
import { StepsView } from './steps-view.tsx';
import { type FileStore, fileFilter, storeOf } from './store.ts';
import { Transfers } from './transfer-list.tsx';
import { download, upload } from './transfers.ts';
import { below } from './tree.ts';
import { Tree } from './tree.tsx';

/** The tab: a tree and the open file, next to each other where there is room. Files are dropped or pasted anywhere on it. */
export function Files({ session }: { session: Session }) {
  const store = storeOf(session.id);
  const picker = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  useEffect(() => store.follow(), [store]);
  const take = (list: FileList | readonly File[] | null | undefined) => void sendAll(store, [...(list ?? [])]);
  const shown = store.shown.value;
  return (
    <section
      class="files"
      aria-label={t('tab.files')}
      data-open={shown === undefined ? undefined : 'true'}
      data-drop={isOver ? 'true' : undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        // Between two elements of the tab the files are still over it.
        if (!currentTarget.contains(relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
      onPaste={(event) => take(event.clipboardData?.files)}
    >
      <div class="files-list">
        <div class="work-bar">
          <Choice
            label={t('files.which')}
            value={fileFilter.value}
            options={[
              { value: 'all', label: t('files.all') },
              { value: 'changed', label: t('files.changed') },
              { value: 'steps', label: t('files.steps') },
            ]}
            onChange={(value) => {
              fileFilter.value = value;
            }}
          />
          <span class="bar-space" />
          <IconButton icon="plus" label={t('files.new')} onClick={() => askNewFile(store)} />
          <IconButton icon="upload" label={t('files.upload')} onClick={() => picker.current?.click()} />
          <IconButton
            icon="download"
            label={t('files.zip')}
            onClick={() =>
              attempt(t('files.zip'), () => download(`/streams/sessions/${session.id}/zip`, `${session.title}.zip`))
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
        <Transfers />
        <Listing store={store} />
      </div>
      {shown !== undefined && (
        <div class="file">
          <OpenFiles store={store} />
          <FileView
            key={`${shown} ${fileFilter.value} ${store.step.value}`}
            store={store}
            path={shown}
            part={fileFilter.value}
          />
        </div>
      )}
      {isOver && <p class="drop-hint">{t('files.drop')}</p>}
    </section>
  );
}

function Listing({ store }: { store: FileStore }) {
  const state = store.state.value;
  if (state === 'loading') return <p class="quiet empty">{t('files.loading')}</p>;
  if (state === 'asleep') {
    if (isStarting()) return <p class="quiet empty">{t('files.starting')}</p>;
    return (
      <div class="empty">
        <p class="quiet">{t('files.asleep')}</p>
        <Button onClick={() => void store.refresh()}>{t('files.show')}</Button>
      </div>
    );
  }
  if (typeof state === 'object') return <p class="empty bad-text">{state.failed}</p>;
  if (fileFilter.value === 'steps') return <StepsView store={store} />;
  return fileFilter.value === 'all' ? <Tree store={store} /> : <ChangesView store={store} />;
}

/** By the newest phase in the log: the list follows once the sandbox is ready. */
function isStarting(): boolean {
  if (eventCount.value === 0) return false;
  const last = events.findLast(({ type }) => type === 'sandbox.phase');
  return last?.type === 'sandbox.phase' && ['queued', 'image', 'starting'].includes(last.data.phase);
}

async function sendAll(store: FileStore, files: readonly File[]): Promise<void> {
  const { folder, sessionId } = store;
  for (const file of files) {
    const path = below(folder, file.name);
    const wanted = { sessionId, path, file };
    const outcome = await upload({ ...wanted, replaces: false });
    if (outcome === 'exists') {
      confirmFirst({
        title: t('files.replaceTitle'),
        text: t('files.replaceText', { path }),
        yes: t('files.replace'),
        no: t('cancel'),
        act: () => void upload({ ...wanted, replaces: true }).then(() => store.refresh()),
      });
    }
  }
  if (files.length > 0) await store.refresh();
}
