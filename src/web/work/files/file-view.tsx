import { useEffect, useState } from 'preact/hooks';
import { wordsOf } from '../../data/server.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { confirmFirst } from '../../parts/dialog.tsx';
import { bytes } from '../../parts/format.ts';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { FileDiff } from './changes.tsx';
import { Editor } from './editor.tsx';
import { previewOf } from './preview.ts';
import { PreviewOf } from './previews.tsx';
import { addressOf, type FileStore, type LoadedFile } from './store.ts';
import { download } from './transfers.ts';

interface Props {
  readonly store: FileStore;
  readonly path: string;
  readonly part: 'all' | 'changed';
}

/** The open file: its preview, its source to edit, or what changed in it. */
export function FileView({ store, path, part }: Props) {
  const [read, setRead] = useState<LoadedFile | { readonly failed: string }>();
  const [isEdited, setEdited] = useState(store.drafts.has(path));
  const load = (whole = false) =>
    store.read(path, whole).then(setRead, (thrown: unknown) => setRead({ failed: wordsOf(thrown) }));
  useEffect(() => void (part === 'all' && load()), [path, part]);
  const file = read && 'bytes' in read ? read : undefined;
  const kind = file && previewOf(path, file.bytes);
  const mayEdit = part === 'all' && file && !file.isCut && kind !== 'image' && kind !== 'binary';
  const close = () => {
    store.shown.value = undefined;
  };
  return (
    <section class="file" aria-label={path} onKeyDown={({ key }) => key === 'Escape' && !isEdited && close()}>
      <header class="work-bar">
        <IconButton icon="back" label={t('files.back')} class="file-back" onClick={close} />
        <h2 class="file-name" title={path}>
          {path}
        </h2>
        {file && <span class="quiet tree-size">{bytes(file.size)}</span>}
        <span class="bar-space" />
        {mayEdit && !isEdited && <IconButton icon="edit" label={t('files.edit')} onClick={() => setEdited(true)} />}
        <IconButton
          icon="download"
          label={t('files.download')}
          onClick={() =>
            attempt(t('files.download'), () =>
              download(addressOf(store.sessionId, path), path.split('/').at(-1) ?? path),
            )
          }
        />
        <IconButton icon="trash" label={t('files.delete')} onClick={() => askDelete(store, path)} />
      </header>
      {part === 'changed' && <FileDiff store={store} path={path} />}
      {part === 'all' && read === undefined && <p class="quiet empty">{t('files.loading')}</p>}
      {part === 'all' && read && 'failed' in read && <p class="empty bad-text">{read.failed}</p>}
      {file && kind && isEdited && mayEdit && (
        <Editor
          store={store}
          file={file}
          onClose={() => {
            setEdited(false);
            void load();
          }}
        />
      )}
      {file && kind && !(isEdited && mayEdit) && part === 'all' && <PreviewOf store={store} file={file} kind={kind} />}
      {file?.isCut && part === 'all' && kind !== 'image' && (
        <p class="work-note">
          {t('files.cut', { shown: bytes(file.bytes.length), size: bytes(file.size) })}{' '}
          {file.size < 20_000_000 && (
            <Button kind="quiet" onClick={() => void load(true)}>
              {t('files.whole')}
            </Button>
          )}
        </p>
      )}
    </section>
  );
}

const askDelete = (store: FileStore, path: string): void =>
  confirmFirst({
    title: t('files.deleteTitle'),
    text: t('files.deleteText', { path }),
    yes: t('files.delete'),
    no: t('cancel'),
    act: () => void attempt(t('files.delete'), () => store.remove(path)),
  });
