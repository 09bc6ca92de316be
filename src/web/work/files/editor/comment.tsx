import { useEffect, useState } from 'preact/hooks';
import { sendMessage } from '../../../data/actions.ts';
import { Button } from '../../../parts/kit/button.tsx';
import { notify, tryOrNotify } from '../../../parts/notice.tsx';
import { pressedKeyOf } from '../../../parts/pressed-key.ts';
import { isTouchDevice } from '../../../parts/touch.ts';
import { t } from '../../../text/text.ts';
import type { FileStore } from '../store.ts';
import { type CommentedLines, formatCommentMessage, type LineRange } from './comment-message.ts';

interface Props extends CommentedLines {
  readonly store: FileStore;
  readonly close: () => void;
}

const placeOf = ({ from, to }: LineRange): string => t(from === to ? 'editor.line' : 'editor.lines', { from, to });

export const CommentButton = ({
  lines,
  open,
}: {
  readonly lines: LineRange;
  readonly open: (lines: LineRange) => void;
}) => (
  <Button
    kind="quiet"
    class="small"
    icon="edit"
    label={t('editor.comment', { place: placeOf(lines) })}
    onClick={() => open(lines)}
  />
);

export function CommentForm({ store, path, text, lines, close }: Props) {
  const [comment, setComment] = useState('');
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
    close();
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
        placeholder={label}
        value={comment}
        onInput={({ currentTarget }) => setComment(currentTarget.value)}
        onKeyDown={(event) => {
          if (pressedKeyOf(event) !== 'Enter' || event.shiftKey || isTouchDevice()) return;
          event.preventDefault();
          void submit();
        }}
      />
      <Button label={t('cancel')} onClick={close} />
      <Button type="submit" kind="primary" label={t('send')} disabled={comment.trim() === ''} />
    </form>
  );
}
