import type { ConversationModel } from '../data/model.ts';
import { t } from '../text/text.ts';
import { ApprovalCard } from './approval-card.tsx';
import { WaitNote } from './notes.tsx';

/**
 * The questions and permissions that the agent waits for, above the message box. They are no part of the conversation's log, so that nothing which an agent
 * writes there can hide it or keep it from being drawn.
 */
export const OpenItems = ({ model }: { model: ConversationModel }) => (
  <section class="open-items" aria-label={t('openItems')} aria-live="polite">
    {model.open.value.map((item) =>
      item.kind === 'approval' ? (
        <ApprovalCard key={item.seq} item={item} isLive />
      ) : (
        <WaitNote key={item.seq} item={item} />
      ),
    )}
  </section>
);
