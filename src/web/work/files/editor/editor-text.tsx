import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { sendMessage } from '../../../data/actions.ts';
import { toErrorText } from '../../../data/server.ts';
import { formatShortcut } from '../../../parts/key-names.ts';
import { Button } from '../../../parts/kit/button.tsx';
import { confirmAction } from '../../../parts/kit/dialog.tsx';
import { notify, tryOrNotify } from '../../../parts/notice.tsx';
import { pressedKeyOf } from '../../../parts/pressed-key.ts';
import { isTouchDevice } from '../../../parts/touch.ts';
import { t } from '../../../text/text.ts';
import type { FileStore } from '../store.ts';
import type { EditorHandle, EditorOptions } from './code-mirror.ts';
import { formatCommentMessage, type LineRange } from './file-text.ts';

type CommonOptions = Pick<EditorOptions, 'path' | 'parent' | 'phrases' | 'onSave' | 'onLines' | 'onComment'>;

interface Props {
  readonly store: FileStore;
  readonly path: string;
  readonly text: string;
  readonly isChanged: boolean;
  readonly isSaving: boolean;
  readonly takesFocus?: boolean;
  readonly show: (editors: typeof import('./code-mirror.ts'), common: CommonOptions) => Promise<EditorHandle>;
  readonly onSave: () => void;
  readonly onCancel: (() => void) | undefined;
}

/** Whether the editor that was removed last had the focus, which its replacement takes over. */
let hadFocus = false;

export function TextEditor(props: Props) {
  const { store, path, text, isChanged, isSaving, takesFocus = false, show, onSave, onCancel } = props;
  const [lines, setLines] = useState<LineRange>({ from: 1, to: 1 });
  const [commented, setCommented] = useState<LineRange>();
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<EditorHandle>(undefined);
  const save = useRef(onSave);
  save.current = onSave;
  useEffect(() => {
    let isOver = false;
    const open = async (parent: HTMLElement) => {
      const made = await show(await import('./code-mirror.ts'), {
        path,
        parent,
        phrases: editorPhrases(),
        onSave: () => save.current(),
        onLines: (from, to) => setLines({ from, to }),
        onComment: (from, to) => setCommented({ from, to }),
      });
      if (isOver) return made[Symbol.dispose]();
      shown.current = made;
      // When the agent changes the file, a user who is typing elsewhere keeps the focus.
      const now = document.activeElement;
      const isElsewhere = now !== document.body && !parent.closest('.file')?.contains(now);
      if ((takesFocus || hadFocus) && !isElsewhere) made.focus();
      hadFocus = false;
    };
    if (place.current) open(place.current).catch(reportError);
    return () => {
      isOver = true;
      hadFocus = place.current?.contains(document.activeElement) ?? false;
      shown.current?.[Symbol.dispose]();
      shown.current = undefined;
    };
  }, [path]);
  useLayoutEffect(() => {
    shown.current?.commentBelow(commented?.to);
    if (commented === undefined) return;
    place.current?.querySelector<HTMLElement>('[slot] .field')?.focus();
    return () => shown.current?.focus();
  }, [commented?.to]);
  const cancel = () =>
    isChanged && onCancel
      ? confirmAction({
          title: t('files.discardAsk', { path }),
          text: t('files.discardTells'),
          yes: t('files.discard'),
          act: onCancel,
        })
      : onCancel?.();
  return (
    <>
      <div ref={place} class="editor-text fill">
        {commented && (
          <CommentForm
            key={commented.to}
            store={store}
            path={path}
            text={text}
            lines={commented}
            close={() => setCommented(undefined)}
          />
        )}
      </div>
      <div class="row work-bar border-bottom rigid end">
        <Button
          kind="quiet"
          class="small"
          icon="edit"
          label={t('editor.comment', { place: placeOf(commented ?? lines) })}
          onClick={() => setCommented(commented ?? lines)}
        />
        <span class="fill" />
        <span class="quiet">{isChanged ? t('files.unsaved') : ''}</span>
        <span class="row rigid">
          {onCancel && <Button label={t('cancel')} onClick={cancel} />}
          <Button kind="primary" label={t('files.save')} disabled={isSaving || !isChanged} onClick={onSave} />
        </span>
      </div>
    </>
  );
}

const editorPhrases = () => ({
  Find: t('editor.find'),
  Replace: t('editor.replace'),
  next: t('editor.next'),
  previous: t('editor.previous'),
  all: t('editor.all'),
  'match case': t('editor.matchCase'),
  'by word': t('editor.byWord'),
  regexp: t('editor.regexp'),
  replace: t('editor.replaceOne'),
  'replace all': t('editor.replaceAll'),
  close: t('close'),
  'Go to line': t('editor.toLine'),
  go: t('editor.go'),
  'current match': t('editor.currentMatch'),
  'on line': t('editor.onLine'),
  'replaced $ matches': t('editor.replacedMany'),
  'replaced match on line $': t('editor.replacedOn'),
  '$ unchanged lines': t('editor.unchanged'),
  'Fold line': t('editor.fold'),
  'Unfold line': t('editor.unfold'),
  'folded code': t('editor.folded'),
  unfold: t('editor.unfold'),
  'Control character': t('editor.control'),
});

interface CommentProps {
  readonly path: string;
  readonly text: string;
  readonly lines: LineRange;
  readonly store: FileStore;
  readonly close: () => void;
}

const placeOf = ({ from, to }: LineRange): string => t(from === to ? 'editor.line' : 'editor.lines', { from, to });

function CommentForm({ store, path, text, lines, close }: CommentProps) {
  const draft = `${path}:${lines.to}`;
  const [comment, setComment] = useState(store.commentDrafts.get(draft) ?? '');
  const drop = () => {
    store.commentDrafts.delete(draft);
    close();
  };
  useEffect(() => {
    store.commentedOn.value = path;
    return () => {
      store.commentedOn.value = undefined;
    };
  }, [store, path]);
  const submit = async () => {
    if (comment.trim() === '') return;
    const isSent = await tryOrNotify(t('notSent'), () =>
      sendMessage({ text: formatCommentMessage({ path, text, lines }, comment) }),
    );
    if (!isSent) return;
    drop();
    notify(t('editor.commentSent'));
  };
  const label = t('editor.commentOn', { place: placeOf(lines) });
  return (
    <form
      slot="comment"
      class="row comment tinted"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (pressedKeyOf(event) !== 'Escape') return;
        event.stopPropagation();
        close();
      }}
    >
      <textarea
        class="field"
        rows={2}
        aria-label={label}
        placeholder={isTouchDevice() ? label : t('editor.commentHint', { label, keys: formatShortcut('mod+enter') })}
        value={comment}
        onInput={({ currentTarget }) => {
          store.commentDrafts.set(draft, currentTarget.value);
          setComment(currentTarget.value);
        }}
        onKeyDown={(event) => {
          if (pressedKeyOf(event) !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void submit();
        }}
      />
      <Button label={t('cancel')} onClick={drop} />
      <Button type="submit" kind="primary" label={t('send')} disabled={comment.trim() === ''} />
    </form>
  );
}

interface File {
  readonly store: FileStore;
  readonly path: string;
  /** Undefined: the file does not exist. */
  readonly version: string | undefined;
}
interface SaveOptions {
  /** Whether to replace the file even if its version has changed. */
  readonly overwrites?: boolean;
  /** Called before the file list is reloaded. */
  readonly onStored?: (version: string) => void;
}

export function useFileSaving({ store, path, version }: File) {
  const [hasConflict, setConflict] = useState(false);
  const [isSaving, setSaving] = useState(false);
  const known = useRef(version);
  return {
    isSaving,
    hasConflict,
    async save(text: string, { overwrites = false, onStored }: SaveOptions = {}): Promise<boolean> {
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
