import { useRef, useState } from 'preact/hooks';
import { wordsOf } from '../../data/server.ts';
import { Button } from '../../parts/button.tsx';
import { notify } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import type { FileStore, LoadedFile } from './store.ts';

interface Props {
  readonly store: FileStore;
  readonly file: LoadedFile;
  readonly onClose: () => void;
}

/** Edits a text. A save replaces only the version that was opened; otherwise the person decides. */
export function Editor({ store, file, onClose }: Props) {
  const { path } = file;
  const original = new TextDecoder().decode(file.bytes);
  const [text, setText] = useState(store.drafts.get(path) ?? original);
  const [conflict, setConflict] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const version = useRef(file.version);
  const change = (to: string) => {
    setText(to);
    if (to === original) store.drafts.delete(path);
    else store.drafts.set(path, to);
  };
  const leave = () => {
    store.drafts.delete(path);
    onClose();
  };
  const save = async (only: string | undefined) => {
    setSaving(true);
    try {
      const saved = await store.save(path, text, only);
      if (saved === 'changed') return setConflict(true);
      version.current = saved.version;
      notify(t('files.saved', { path }));
      leave();
      return await store.refresh();
    } catch (thrown) {
      return notify(t('notDone', { what: t('files.save'), why: wordsOf(thrown) }), true);
    } finally {
      setSaving(false);
    }
  };
  return (
    <div class="editor">
      {conflict && (
        <div class="work-note bad" role="alert">
          <p>{t('files.conflict')}</p>
          <div class="choices">
            <Button onClick={leave}>{t('files.takeTheirs')}</Button>
            <Button kind="danger" onClick={() => void save(undefined)}>
              {t('files.keepMine')}
            </Button>
          </div>
        </div>
      )}
      <textarea
        class="editor-text"
        aria-label={t('files.textOf', { path })}
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => change(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void save(version.current);
        }}
      />
      <div class="work-bar end">
        <span class="quiet">{text === original ? '' : t('files.unsaved')}</span>
        <span class="bar-space" />
        <Button onClick={leave}>{t('cancel')}</Button>
        <Button kind="primary" disabled={isSaving || text === original} onClick={() => void save(version.current)}>
          {t('files.save')}
        </Button>
      </div>
    </div>
  );
}
