import { useRef, useState } from 'preact/hooks';
import { toErrorText } from '../../../data/server.ts';
import { Button } from '../../../parts/kit/button.tsx';
import { notify } from '../../../parts/notice.tsx';
import { t } from '../../../text/text.ts';
import type { FileStore } from '../store.ts';

interface File {
  readonly store: FileStore;
  readonly path: string;
  /** Undefined: the file does not exist. */
  readonly version: string | undefined;
}
interface SaveState {
  readonly isSaving: boolean;
  readonly hasConflict: boolean;
  save(text: string, options?: SaveOptions): Promise<boolean>;
}
interface SaveOptions {
  /** Replaces the file even if its version has changed. */
  readonly overwrites?: boolean;
  /** Called once the text is stored, before the file list is reloaded. */
  readonly onStored?: (version: string) => void;
}

/** A save replaces only the version that was opened. If the file has changed, the person decides. */
export function useFileSaving({ store, path, version }: File): SaveState {
  const [hasConflict, setConflict] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const known = useRef(version);
  return {
    isSaving,
    hasConflict,
    async save(text, { overwrites = false, onStored } = {}) {
      setSaving(true);
      try {
        const saved = await store.save(path, text, overwrites ? undefined : known.current);
        if (saved === 'changed') {
          setConflict(true);
          return false;
        }
        known.current = saved.version;
        setConflict(false);
        onStored?.(saved.version);
        notify(t('files.saved', { path }));
        await store.refresh();
        return true;
      } catch (thrown) {
        notify(t('notDone', { what: t('files.notSaved'), why: toErrorText(thrown) }), 'bad');
        return false;
      } finally {
        setSaving(false);
      }
    },
  };
}

export const ConflictNotice = ({ onTheirs, onMine }: { onTheirs: () => void; onMine: () => void }) => (
  <div class="work-note bad" role="alert">
    <p>{t('files.conflict')}</p>
    <div class="choices">
      <Button label={t('files.takeTheirs')} onClick={onTheirs} />
      <Button kind="danger" label={t('files.keepMine')} onClick={onMine} />
    </div>
  </div>
);
