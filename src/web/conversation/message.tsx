import { useState } from 'preact/hooks';
import type { AssistantItem, UserItem } from '../data/items.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { PlainText } from '../markdown/plain.tsx';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { Button } from '../parts/kit/button.tsx';
import { CopyButton } from '../parts/kit/copy-button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { t } from '../text/text.ts';
import { SentAttachment } from './attachments.tsx';
import { BranchSwitch } from './branches/branch-switch.tsx';
import { EditForm } from './branches/edit-form.tsx';
import { fillComposer } from './composer-text.ts';

/** Editing a message that started a run creates a branch. */
export function UserMessage({ item, isLive }: { item: UserItem; isLive: boolean }) {
  const [isEdited, setEdited] = useState(false);
  const change = () => (item.steers ? fillComposer(item.text) : setEdited(true));
  return (
    <article class="chat-message user" aria-label={t('you')} data-seq={item.seq}>
      {item.steers && (
        <p class="row steers bold small-text">
          <Icon name="send" size={13} /> {t('steered')}
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
