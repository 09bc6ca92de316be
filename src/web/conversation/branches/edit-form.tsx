import { useEffect, useRef, useState } from 'preact/hooks';
import { editMessage } from '../../data/actions.ts';
import type { UserItem } from '../../data/items.ts';
import { navigate } from '../../data/route.ts';
import { currentId } from '../../data/sessions.ts';
import { isBusy } from '../../data/status.ts';
import { Button } from '../../parts/kit/button.tsx';
import { confirmAction } from '../../parts/kit/dialog.tsx';
import { FormError, useActionError } from '../../parts/kit/trouble.tsx';
import { pressedKey } from '../../parts/pressed-key.ts';
import { t } from '../../text/text.ts';

interface Props {
  readonly item: UserItem;
  readonly onClose: () => void;
}

/** The new text is sent in a branch: a session with everything before the message. */
export function EditForm({ item, onClose }: Props) {
  const [text, setText] = useState(item.text);
  const [isBusyNow, setBusy] = useState(false);
  const [trouble, tryIt] = useActionError();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(item.text.length, item.text.length);
  }, []);
  const send = async (stopsRun: boolean) => {
    const id = currentId.peek();
    if (id === undefined) return;
    setBusy(true);
    const isMade = await tryIt(t('notSent'), async () => {
      const { seq, attachments, goal } = item;
      const { session } = await editMessage(id, { seq, text, attachments, goal, stopsRun });
      navigate(session.id);
    });
    setBusy(false);
    if (isMade) onClose();
  };
  const submit = () => {
    if (text.trim() === '' || isBusyNow) return;
    if (!isBusy.peek()) return void send(false);
    confirmAction({
      title: t('branch.stopTitle'),
      text: t('branch.stopText'),
      yes: t('branch.stopYes'),
      act: () => void send(true),
    });
  };
  return (
    <form
      class="edit-message full grid"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={field}
        class="field"
        dir="auto"
        rows={3}
        maxLength={200_000}
        aria-label={t('branch.edit')}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (pressedKey(event) === 'Escape') onClose();
          if (pressedKey(event) !== 'Enter' || event.shiftKey) return;
          event.preventDefault();
          submit();
        }}
      />
      <p class="quiet">{t('branch.tells')}</p>
      <FormError text={trouble} />
      <div class="choices">
        <Button label={t('cancel')} onClick={onClose} />
        <Button
          type="submit"
          kind="primary"
          label={t(isBusyNow ? 'branch.sending' : 'branch.send')}
          disabled={isBusyNow || text.trim() === ''}
        />
      </div>
    </form>
  );
}
