import { useState } from 'preact/hooks';
import { Button } from '../../parts/button.tsx';
import { closeDialog, Dialog, showDialog } from '../../parts/dialog.tsx';
import { attempt } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import type { FileStore } from './store.ts';
import { upload } from './transfers.ts';
import { below, root } from './tree.ts';

export const askNewFile = (store: FileStore): void => showDialog(<NewFile store={store} />);

/** Asks for the name of a new file, makes it and opens it. A file of that name is opened as it is. */
function NewFile({ store }: { store: FileStore }) {
  const [path, setPath] = useState(store.folder === root ? '' : below(store.folder, ''));
  const make = async () => {
    const wanted = path.trim();
    if (wanted === '') return;
    closeDialog();
    const empty = { sessionId: store.sessionId, path: wanted, file: new Blob([]), replaces: false };
    await attempt(t('files.new'), async () => {
      if ((await upload(empty)) === 'failed') return;
      await store.refresh();
      store.shown.value = wanted;
    });
  };
  return (
    <Dialog title={t('files.new')}>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <input
          class="field"
          aria-label={t('files.path')}
          placeholder="notes/todo.md"
          value={path}
          onInput={({ currentTarget }) => setPath(currentTarget.value)}
        />
        <Button kind="primary" type="submit">
          {t('files.create')}
        </Button>
      </form>
    </Dialog>
  );
}
