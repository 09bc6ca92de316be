import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { toDisplayName } from '../../../core/text/file-names.ts';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { query, toErrorText } from '../../data/server.ts';
import { truncateLine } from '../../parts/bounded-text.ts';
import { focusWhenRendered } from '../../parts/focus.ts';
import { formatBytes } from '../../parts/format.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { confirmAction } from '../../parts/kit/dialog.tsx';
import { LoadPlaceholder } from '../../parts/kit/trouble.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { pressedKeyOf } from '../../parts/pressed-key.ts';
import { t } from '../../text/text.ts';
import { ConflictNotice, TextEditor, useFileSaving } from './editor/editor-text.tsx';
import { decodeEditableText, detectLineEnding, isTruncatedText, mergeEdit } from './editor/file-text.ts';
import { ChangesReview, type FileComparison } from './editor/review.tsx';
import { type FileStep, type FileWrite, listFileSteps } from './editor/steps.ts';
import { detectFileKind, type FileKind } from './preview.ts';
import { FilePreview } from './previews.tsx';
import { type FileFilter, type FileStore, type LoadedFile, toFileUrl } from './store.ts';
import { downloadFile } from './transfers.ts';

/** An editor would damage these files on saving. */
const noText: ReadonlySet<FileKind> = new Set<FileKind>(['image', 'pdf', 'video', 'audio', 'binary']);

/** Plain text opens in the editor. Other files first show a preview, and their source is the editor if it can be edited. */
export function FileView({ store, path, part }: { store: FileStore; path: string; part: FileFilter }) {
  const [read, setRead] = useState<LoadedFile | { readonly failed: string }>();
  const [mode, setMode] = useState<'preview' | 'source' | 'edit'>(store.drafts.has(path) ? 'source' : 'preview');
  const [turn, setTurn] = useState(0);
  const stored = useRef<string>(undefined);
  // Text typed during a reload belongs to the version that the user saw.
  const keeps = (old: LoadedFile, now: LoadedFile) =>
    isSame(old, now) || (old.path === now.path && store.drafts.has(path));
  const load = (whole = false) =>
    store.read(path, whole).then(
      (now) =>
        setRead((old) => {
          if (!old || !('bytes' in old)) return now;
          if (keeps(old, now)) return old;
          // The editor already has the saved text, and the user may still be typing.
          if (old.path === now.path && now.version === stored.current) keys.set(now, editorKeyOf(old));
          return now;
        }),
      (thrown: unknown) => setRead({ failed: toErrorText(thrown) }),
    );
  const stamp = store.stampOf(path);
  const isCommented = store.commentedOn.value === path;
  // New text from the agent never replaces typed text.
  const mayLoad = part === 'all' && !isCommented && !(read && store.drafts.has(path));
  useEffect(() => void (mayLoad && load()), [path, part, stamp, isCommented]);
  const file = read && 'bytes' in read ? read : undefined;
  const kind = file && detectFileKind(path, file.bytes);
  const isWholeText = part === 'all' && file && !file.isCut && !noText.has(kind ?? 'binary');
  const isExact = useMemo(() => file && decodeEditableText(file.bytes).isExact, [file]);
  const mayEdit = isWholeText && isExact;
  const isEdited = mayEdit && (kind === 'text' || mode !== 'preview');
  const section = useRef<HTMLElement>(null);
  // A narrow pane hides the list that had the focus.
  useLayoutEffect(() => {
    const now = document.activeElement;
    if (now?.closest('.files-list') && !now.checkVisibility())
      section.current?.querySelector<HTMLElement>('.file-back')?.focus();
  }, []);
  const stopEditing = () => {
    setMode('preview');
    focusWhenRendered(() => section.current?.querySelector<HTMLElement>('.file-edit') ?? null);
  };
  const close = () => {
    store.shown.value = undefined;
  };
  const askDelete = () =>
    confirmAction({
      title: t('files.deleteTitle'),
      text: t('files.deleteText', { path }),
      yes: t('files.delete'),
      act: () => void tryOrNotify(t('files.notDeleted'), () => store.remove(path)),
    });
  return (
    <section
      ref={section}
      class="file fill stack"
      aria-label={path}
      onKeyDown={(event) => pressedKeyOf(event) === 'Escape' && part === 'all' && !isEdited && close()}
    >
      <header class="row work-bar border-bottom rigid">
        <IconButton icon="back" label={t('files.back')} class="file-back" onClick={close} />
        <h2 class="cut file-name mono bold" title={path}>
          {toDisplayName(path)}
        </h2>
        {file && <span class="quiet figures small-text rigid">{formatBytes(file.size)}</span>}
        <span class="fill" />
        {mayEdit && !isEdited && (
          <IconButton icon="edit" label={t('files.edit')} class="file-edit" onClick={() => setMode('edit')} />
        )}
        <IconButton
          icon="download"
          label={t('files.download')}
          onClick={() =>
            tryOrNotify(t('files.notDownloaded'), () =>
              downloadFile(toFileUrl(store.sessionId, path), path.split('/').at(-1) ?? path),
            )
          }
        />
        <IconButton icon="trash" label={t('files.delete')} onClick={askDelete} />
      </header>
      {part === 'changed' && <ChangesReview store={store} path={path} load={() => compareWithRunStart(store, path)} />}
      {part === 'steps' && <StepReview store={store} path={path} />}
      {part === 'all' && !file && (
        <LoadPlaceholder problem={read && 'failed' in read ? read.failed : ''} again={load} />
      )}
      {file && kind && part === 'all' && (
        <FilePreview
          store={store}
          file={file}
          kind={kind}
          asSource={mode !== 'preview'}
          onSource={(asSource) => setMode(asSource ? 'source' : 'preview')}
          editor={
            mayEdit ? (
              <FileEditor
                key={`${editorKeyOf(file)} ${turn}`}
                store={store}
                file={file}
                takesFocus={mode === 'edit' || turn > 0}
                onStored={(version) => {
                  stored.current = version;
                }}
                onReload={() => {
                  stored.current = undefined;
                  setTurn(turn + 1);
                  void load();
                }}
                onClose={mode === 'edit' ? stopEditing : undefined}
              />
            ) : undefined
          }
        />
      )}
      {isWholeText && !isExact && <p class="work-note">{t('files.notUtf8')}</p>}
      {file?.isCut && part === 'all' && kind !== 'image' && (
        <p class="work-note">
          {t('files.cut', { shown: formatBytes(file.bytes.length), size: formatBytes(file.size) })}{' '}
          {file.size < 20_000_000 && <Button kind="quiet" label={t('files.whole')} onClick={() => void load(true)} />}
        </p>
      )}
    </section>
  );
}

function StepReview({ store, path }: { store: FileStore; path: string }) {
  const write = useFileSteps()
    .find(({ seq }) => seq === store.step.value)
    ?.files.get(path);
  if (!write) return <p class="quiet empty">{t('files.chooseStep')}</p>;
  return <ChangesReview store={store} path={path} load={() => compareStep(store, path, write)} />;
}

const isSame = (one: LoadedFile, other: LoadedFile): boolean =>
  one.path === other.path && one.version === other.version && one.isCut === other.isCut;

const keys = new WeakMap<LoadedFile, number>();
let nextKey = 0;
/** Each load gets a new editor, unless the editor itself saved the loaded text. */
function editorKeyOf(file: LoadedFile): number {
  const known = keys.get(file) ?? nextKey++;
  keys.set(file, known);
  return known;
}

const maxBytes = 512_000;
const lost = '\ufffd'; // replaces bytes that are not UTF-8

async function compareWithRunStart(store: FileStore, path: string): Promise<FileComparison> {
  const { sessionId } = store;
  const { files } = await query('files.changes', { sessionId });
  const file = files.find((one) => one.path === path);
  const merge = async (edited: string) => edited;
  if (Math.max(file?.before ?? 0, file?.after ?? 0) > maxBytes) throw new Error(t('files.tooLargeToCompare'));
  const read = file?.after === null ? undefined : await store.read(path, true);
  const now = decodeEditableText(read?.bytes ?? new Uint8Array());
  const after = `${now.mark}${now.text}`;
  if (!file) return { before: after, after, isReadOnly: false, version: read?.version, merge };
  const before = file.before === null ? '' : (await query('files.before', { sessionId, path })).content;
  if (before.includes('\0') || after.includes('\0')) throw new Error(t('files.binary'));
  const isReadOnly = !now.isExact || before.includes(lost);
  return { before, after, isReadOnly, version: read?.version, merge };
}

/** The current file can be newer than the step. Lines around each change must still match. */
async function compareStep(store: FileStore, path: string, { before, after }: FileWrite): Promise<FileComparison> {
  if (isTruncatedText(before ?? '') || isTruncatedText(after)) throw new Error(t('files.tooLargeToCompare'));
  const now = await store.read(path, true).catch(() => undefined);
  const exact = decodeEditableText(now?.bytes ?? new Uint8Array());
  const text = `${exact.mark}${exact.text}`;
  return {
    before: before ?? '',
    after,
    isReadOnly: !exact.isExact || `${before}${after}`.includes(lost),
    version: now?.version,
    merge: async (edited) => mergeEdit(text, { after, edited }),
  };
}

interface EditorProps {
  readonly store: FileStore;
  readonly file: LoadedFile;
  readonly takesFocus: boolean;
  readonly onStored: (version: string) => void;
  /** Discards the user's changes. */
  readonly onReload: () => void;
  /** Undefined: the editor stays open. */
  readonly onClose: (() => void) | undefined;
}

function FileEditor({ store, file, takesFocus, onStored, onReload, onClose }: EditorProps) {
  const { path, version } = file;
  const [{ text: first, mark }] = useState(() => decodeEditableText(file.bytes));
  const [saved, setSaved] = useState(first);
  const [text, setText] = useState(store.drafts.get(path) ?? saved);
  const saving = useFileSaving({ store, path, version });
  // Typed text becomes a draft immediately, because a reload can precede the next redraw.
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
        if (store.drafts.has(path)) change({ saved: written }); // if there is no draft, the user has discarded the text
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

function useFileSteps(): readonly FileStep[] {
  const count = sessionEventCount.value;
  return useMemo(() => listFileSteps(sessionEvents), [count]);
}

export function StepsView({ store }: { store: FileStore }) {
  const steps = useFileSteps();
  if (steps.length === 0) return <p class="quiet empty">{t('files.noSteps')}</p>;
  const { value: step } = store.step;
  return (
    <ol class="tree scrolls fill steps" aria-label={t('files.steps')}>
      {steps.toReversed().map(({ seq, description, files }) => (
        <li key={seq}>
          <p class="work-note step-name bold">{truncateLine(description, 200) || t('files.noPlan')}</p>
          <ul>
            {[...files.keys()].map((path) => (
              <li key={path}>
                <button
                  type="button"
                  class="row tree-row full"
                  aria-current={path === store.shown.value && step === seq}
                  onClick={() => store.showStep(seq, path)}
                >
                  <span class="cut fill">{path}</span>
                </button>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}
