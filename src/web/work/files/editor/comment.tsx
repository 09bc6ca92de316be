import { useEffect, useState } from 'preact/hooks';
import { send } from '../../../data/actions.ts';
import { Button } from '../../../parts/kit/button.tsx';
import { attempt, notify } from '../../../parts/notice.tsx';
import { pressedKey } from '../../../parts/pressed-key.ts';
import { t } from '../../../text/text.ts';
import type { FileStore } from '../store.ts';
import { type CommentedLines, toMessage } from './comment-message.ts';

/** A comment on the lines that are chosen, which goes to the agent as a message with the file and the lines. */
export function Comment({ store, path, text, lines: { from, to } }: CommentedLines & { readonly store: FileStore }) {
  const [comment, setComment] = useState<string>();
  const isWriting = comment !== undefined;
  useEffect(() => {
    store.commentedOn.value = isWriting ? path : undefined;
    return () => {
      store.commentedOn.value = undefined;
    };
  }, [store, path, isWriting]);
  const place = t(from === to ? 'editor.line' : 'editor.lines', { from, to });
  if (comment === undefined) {
    return (
      <Button kind="quiet" class="small" icon="edit" onClick={() => setComment('')}>
        {t('editor.comment', { place })}
      </Button>
    );
  }
  const submit = async () => {
    if (comment.trim() === '') return;
    const isSent = await attempt(t('notSent'), () =>
      send({ text: toMessage({ path, text, lines: { from, to } }, comment) }),
    );
    if (!isSent) return;
    setComment(undefined);
    notify(t('editor.commentSent'));
  };
  return (
    <form
      class="row comment"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <input
        ref={(node) => node?.focus()}
        class="field"
        aria-label={t('editor.commentOn', { place })}
        placeholder={t('editor.commentOn', { place })}
        value={comment}
        onInput={({ currentTarget }) => setComment(currentTarget.value)}
        onKeyDown={(event) => {
          if (pressedKey(event) !== 'Escape') return;
          event.stopPropagation();
          setComment(undefined);
        }}
      />
      <Button type="submit" kind="primary" disabled={comment.trim() === ''}>
        {t('send')}
      </Button>
    </form>
  );
}
