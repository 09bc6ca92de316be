import type { AssistantItem, UserItem } from '../data/items.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { timeOf } from '../parts/format.ts';
import { Icon } from '../parts/icon.tsx';
import { t } from '../text/text.ts';
import { SentAttachment } from './attachments.tsx';
import { putInComposer } from './composer-text.ts';

export const UserMessage = ({ item, isLive }: { item: UserItem; isLive: boolean }) => (
  <article class="said user" aria-label={t('you')} data-seq={item.seq}>
    {item.steers && (
      <p class="steers">
        <Icon name="send" size={13} /> {t('steered')}
      </p>
    )}
    <div class="bubble">
      <Markdown text={item.text} />
      {item.attachments.map((name) => (
        <SentAttachment key={name} id={name} />
      ))}
    </div>
    <div class="said-tools">
      <time>{timeOf(item.at)}</time>
      {isLive && (
        <Button kind="quiet" class="small" icon="edit" onClick={() => putInComposer(item.text)}>
          {t('editAndResend')}
        </Button>
      )}
      <CopyButton text={item.text} />
    </div>
  </article>
);

export const AssistantMessage = ({ item, sessionId }: { item: AssistantItem; sessionId: string | undefined }) => (
  <article class={`said assistant ${item.isTyping.value ? 'typing' : ''}`} aria-label={t('agent')} data-seq={item.seq}>
    <Markdown text={item.text.value} sessionId={item.isTyping.value ? undefined : sessionId} />
    {!item.isTyping.value && (
      <div class="said-tools">
        <time>{timeOf(item.at)}</time>
        <CopyButton text={item.text.value} />
      </div>
    )}
  </article>
);
