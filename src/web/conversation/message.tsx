import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { findMessageBranches } from '../data/branches.ts';
import type { AssistantItem, UserItem } from '../data/items.ts';
import { conversationState, isLoadingHistory } from '../data/log.ts';
import { navigateToSession } from '../data/route.ts';
import { mutate } from '../data/server.ts';
import { currentSessionId, sessions } from '../data/sessions.ts';
import { isCurrentSessionBusy } from '../data/status.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { PlainText } from '../markdown/plain.tsx';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { Button, IconButton } from '../parts/kit/button.tsx';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { confirmAction } from '../parts/kit/dialog.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { t } from '../text/text.ts';
import { SentAttachment } from './attachments.tsx';
import { fillComposer } from './composer-text.ts';

/** Whether the run was stopped or failed before anything followed the message. */
function isUnanswered(seq: number): boolean {
  const next = conversationState.items.value.find((item) => item.seq > seq && item.kind !== 'user');
  return next?.kind === 'end' && next.data.status !== 'completed';
}

export function UserMessage({ item, isLive }: { item: UserItem; isLive: boolean }) {
  const [isEdited, setEdited] = useState(false);
  const change = () => (item.steers ? fillComposer(item.text) : setEdited(true));
  return (
    <article class="chat-message user" aria-label={t('you')} data-seq={item.seq}>
      {item.steers && (
        <p class="row steers bold small-text">
          <Icon name="send" size={13} /> {t(isUnanswered(item.seq) ? 'steeredUnread' : 'steered')}
        </p>
      )}
      {isEdited ? (
        <EditForm item={item} onClose={() => setEdited(false)} />
      ) : (
        <div class="bubble">
          <Markdown text={item.text} />
          {item.attachments.map((name) => (
            <SentAttachment key={name} id={name} />
          ))}
        </div>
      )}
      {item.goal && <GoalOfRun goal={item.goal} />}
      <div class="row message-tools round quiet small-text">
        {isLive && <BranchSwitch seq={item.seq} />}
        <RelativeTime at={item.at} />
        {isLive && !isEdited && (
          <Button
            kind="quiet"
            class="small"
            icon="edit"
            label={t(item.steers ? 'branch.again' : 'editAndResend')}
            onClick={change}
          />
        )}
        <CopyButton text={item.text} />
      </div>
    </article>
  );
}

const GoalOfRun = ({ goal: { rubric, checks } }: { goal: NonNullable<UserItem['goal']> }) => (
  <details class="aside goal">
    <summary>{t('goal.of')}</summary>
    {rubric !== undefined && <Markdown text={rubric} />}
    {checks.map(({ command }) => (
      <PlainText key={command} text={`$ ${command}`} />
    ))}
  </details>
);

export const AssistantMessage = ({ item, sessionId }: { item: AssistantItem; sessionId: string | undefined }) => (
  <article
    class={`chat-message assistant ${item.isTyping.value ? 'typing' : ''}`}
    aria-label={t('agent')}
    data-seq={item.seq}
  >
    <Markdown text={item.text.value} sessionId={item.isTyping.value ? undefined : sessionId} />
    {!item.isTyping.value && (
      <div class="row message-tools round quiet small-text">
        <RelativeTime at={item.at} />
        <CopyButton text={item.text.value} />
      </div>
    )}
  </article>
);

function EditForm({ item, onClose }: { item: UserItem; onClose: () => void }) {
  const [text, setText] = useState(item.text);
  const [isBusyNow, setBusy] = useState(false);
  const [trouble, tryIt] = useActionError();
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(item.text.length, item.text.length);
  }, []);
  const send = async (stopsRun: boolean) => {
    const id = currentSessionId.peek();
    if (id === undefined) return;
    setBusy(true);
    const isMade = await tryIt(t('notSent'), async () => {
      const { seq, goal } = item;
      const attachments = [...item.attachments];
      const { session } = await mutate('sessions.edit', { id, seq, text, attachments, goal, stopsRun });
      navigateToSession(session.id);
    });
    setBusy(false);
    if (isMade) onClose();
  };
  const submit = () => {
    if (text.trim() === '' || isBusyNow) return;
    if (!isCurrentSessionBusy.peek()) return void send(false);
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
          if (pressedKeyOf(event) === 'Escape') onClose();
          if (pressedKeyOf(event) !== 'Enter' || event.shiftKey) return;
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

function BranchSwitch({ seq }: { seq: number }) {
  const sessionId = currentSessionId.value;
  // The first message that was not copied is unknown until the whole log has been read.
  if (sessionId === undefined || isLoadingHistory.value) return null;
  const copied = sessions.value.find(({ id }) => id === sessionId)?.forkedFrom?.seq ?? 0;
  const own = conversationState.items.value.find((item) => item.kind === 'user' && item.seq > copied);
  const branches = findMessageBranches(sessions.value, { sessionId, seq, firstOwn: own?.seq ?? -1 });
  if (!branches) return null;
  const { ids, at } = branches;
  const show = (index: number) => navigateToSession(ids[index]);
  return (
    <span class="branches figures" role="group" aria-label={t('branch.which')}>
      <IconButton
        class="small"
        icon="back"
        label={t('branch.before')}
        disabled={at === 0}
        onClick={() => show(at - 1)}
      />
      <span aria-live="polite">{`${at + 1}/${ids.length}`}</span>
      <IconButton
        class="small"
        icon="chevron"
        label={t('branch.after')}
        disabled={at === ids.length - 1}
        onClick={() => show(at + 1)}
      />
    </span>
  );
}
