import { useEffect, useRef, useState } from 'preact/hooks';
import { createSharedPref } from '../../../data/prefs.ts';
import { toErrorText } from '../../../data/server.ts';
import { SegmentedControl } from '../../../parts/kit/choice.tsx';
import { LoadPlaceholder } from '../../../parts/kit/trouble.tsx';
import { t } from '../../../text/text.ts';
import type { FileStore } from '../store.ts';
import { ConflictNotice, TextEditor, useFileSaving } from './editor-text.tsx';
import { detectLineEnding } from './file-text.ts';

const layouts = ['inline', 'sides'] as const;
const layout = createSharedPref<(typeof layouts)[number]>('diff', 'inline', (value) => layouts.includes(value));

export interface FileComparison {
  readonly before: string;
  readonly after: string;
  /** Whether a save would change bytes that nobody edited. */
  readonly isReadOnly: boolean;
  /** Version of the current file. Undefined: the file does not exist. */
  readonly version: string | undefined;
  /** Resolves with undefined if the change from `after` to `edited` cannot be applied to the current file. */
  readonly merge: (edited: string) => Promise<string | undefined>;
}

interface Props {
  readonly store: FileStore;
  readonly path: string;
  /** Rejects with an error whose message can be shown to the user. */
  readonly load: () => Promise<FileComparison>;
}

export function ChangesReview({ store, path, load }: Props) {
  const [compared, setCompared] = useState<
    (FileComparison & { readonly turn: number }) | { readonly problem: string }
  >();
  const turns = useRef(0);
  const isEdited = useRef(false);
  const read = ({ afresh = false } = {}) =>
    load().then(
      (now) =>
        setCompared((old) => {
          if (old && !('problem' in old) && !afresh && (isSame(old, now) || isRebased(old, now))) return old;
          return { ...now, turn: ++turns.current };
        }),
      (thrown: unknown) => setCompared({ problem: toErrorText(thrown) }),
    );
  const stamp = store.stampOf(path);
  const isCommented = store.commentedOn.value === path;
  // New text from the agent never replaces the user's changes.
  useEffect(() => void (!isEdited.current && !isCommented && read()), [store, path, stamp, isCommented]);
  if (!compared) return <LoadPlaceholder />;
  if ('problem' in compared) return <LoadPlaceholder problem={compared.problem} again={read} />;
  if (compared.before === compared.after) return <p class="quiet empty">{t('files.sameContent')}</p>;
  return (
    <Compared
      key={`${layout.value} ${compared.turn}`}
      store={store}
      path={path}
      compared={compared}
      onReload={() => void read({ afresh: true })}
      onEdited={(now) => {
        isEdited.current = now;
      }}
    />
  );
}

const isSame = (one: FileComparison, other: FileComparison): boolean =>
  one.before === other.before && one.after === other.after && one.version === other.version;

/** A new run that begins with the reviewed text makes both texts equal. */
const isRebased = (old: FileComparison, now: FileComparison): boolean =>
  now.before === now.after && now.after === old.after;

interface ComparedProps {
  readonly store: FileStore;
  readonly path: string;
  readonly compared: FileComparison;
  readonly onReload: () => void;
  readonly onEdited: (isEdited: boolean) => void;
}

function Compared({ store, path, compared, onReload, onEdited }: ComparedProps) {
  const { before, after, isReadOnly, version, merge } = compared;
  const [text, setText] = useState(after);
  const [problem, setProblem] = useState('');
  const saving = useFileSaving({ store, path, version });
  const save = async (options?: { readonly overwrites: boolean }) => {
    const merged = await merge(text).catch((thrown: unknown) => setProblem(toErrorText(thrown)));
    if (merged === undefined) return setProblem(t('editor.doesNotFit'));
    setProblem('');
    if (await saving.save(merged, { ...options, onStored: () => store.drafts.delete(path) })) onReload();
  };
  const isChanged = text !== after;
  useEffect(() => {
    onEdited(isChanged);
    return () => onEdited(false);
  }, [isChanged]);
  return (
    <div class="editor fill stack">
      <div class="row work-bar border-bottom rigid">
        <SegmentedControl
          label={t('editor.layout')}
          value={layout.value}
          options={layouts.map((value) => ({ value, label: t(`editor.${value}`) }))}
          onChange={(value) => {
            layout.value = value;
          }}
        />
      </div>
      {saving.hasConflict && <ConflictNotice onTheirs={onReload} onMine={() => void save({ overwrites: true })} />}
      {problem !== '' && (
        <p class="work-note bad" role="alert">
          {problem}
        </p>
      )}
      {isReadOnly && <p class="work-note">{t('files.notUtf8')}</p>}
      <TextEditor
        store={store}
        path={path}
        text={text}
        isChanged={isChanged}
        isSaving={saving.isSaving}
        show={({ showComparison }, common) =>
          showComparison({
            ...common,
            text: after,
            before,
            lineEnd: detectLineEnding(before, after),
            isReadOnly,
            layout: layout.value,
            label: t('files.changesOf', { path }),
            labelBefore: t('editor.before', { path }),
            words: { accept: t('editor.accept'), revert: t('editor.revert') },
            onChange: setText,
          })
        }
        onSave={() => void save()}
        onCancel={isChanged ? onReload : undefined}
      />
    </div>
  );
}
