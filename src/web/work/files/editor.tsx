import { useRef, useState } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { TextEditor } from './editor/editor-text.tsx';
import { decodeEditableText, detectLineEnding } from './editor/file-text.ts';
import { ConflictNotice, useFileSaving } from './editor/saving.tsx';
import type { FileStore, LoadedFile } from './store.ts';

interface Props {
  readonly store: FileStore;
  readonly file: LoadedFile;
  readonly takesFocus: boolean;
  /** Called with the new version once the text is stored. */
  readonly onStored: (version: string) => void;
  /** Loads the file again and shows it without the person's changes. */
  readonly onReload: () => void;
  /** Undefined: the file is always shown in its editor. */
  readonly onClose: (() => void) | undefined;
}

export function FileEditor({ store, file, takesFocus, onStored, onReload, onClose }: Props) {
  const { path, version } = file;
  const [{ text: first, mark }] = useState(() => decodeEditableText(file.bytes));
  const [saved, setSaved] = useState(first);
  const [text, setText] = useState(store.drafts.get(path) ?? saved);
  const saving = useFileSaving({ store, path, version });
  // Typed text becomes a draft immediately, because the file can be reloaded before the page is redrawn.
  const { current: now } = useRef({ text, saved });
  const change = (next: Partial<typeof now>) => {
    Object.assign(now, next);
    if (now.text === now.saved) store.drafts.delete(path);
    else store.drafts.set(path, now.text);
    setText(now.text);
    setSaved(now.saved);
  };
  const save = async (overwrites = false) => {
    const { text: written } = now;
    await saving.save(`${mark}${written}`, {
      overwrites,
      onStored: (stored) => {
        if (store.drafts.has(path)) change({ saved: written }); // otherwise the person has discarded the text
        onStored(stored);
      },
    });
  };
  const isChanged = text !== saved;
  const drop = () => {
    store.drafts.delete(path);
    onClose?.();
    onReload();
  };
  return (
    <div class="editor fill stack">
      {saving.hasConflict && <ConflictNotice onTheirs={drop} onMine={() => void save(true)} />}
      <TextEditor
        store={store}
        path={path}
        text={text}
        isChanged={isChanged}
        isSaving={saving.isSaving}
        takesFocus={takesFocus}
        show={({ showEditor }, common) =>
          showEditor({
            ...common,
            text,
            lineEnd: detectLineEnding(text),
            label: t('files.textOf', { path }),
            onChange: (next) => change({ text: next }),
          })
        }
        onSave={() => void save()}
        onCancel={isChanged || onClose ? drop : undefined}
      />
    </div>
  );
}
