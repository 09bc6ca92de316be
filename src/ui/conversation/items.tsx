import { memo } from 'preact/compat';
import type { Item } from '../data/items.ts';
import type { ConversationModel } from '../data/model.ts';
import { t } from '../text/text.ts';
import { ApprovalCard } from './approval-card.tsx';
import { Live } from './live.ts';
import { AssistantMessage, UserMessage } from './message.tsx';
import { EndNote, ErrorNote, EventNote, PhaseNote, Thoughts, WaitNote } from './notes.tsx';
import { StepRow } from './step-row.tsx';
import { ToolCard } from './tool-card.tsx';

interface Props {
  readonly model: ConversationModel;
  readonly sessionId: string | undefined;
  /** People can decide, retry and edit here; false in a replay and in a shared session. */
  readonly isLive?: boolean;
}

/** Everything that a model shows, in the order of the log. */
export const Items = ({ model, sessionId, isLive = false }: Props) => (
  <Live.Provider value={isLive}>
    <div class="items" role="log" aria-label={t('conversation')}>
      {model.items.value.map((item) => (
        <Row key={item.seq} item={item} sessionId={sessionId} isLive={isLive} />
      ))}
    </div>
  </Live.Provider>
);

interface RowProps {
  readonly item: Item;
  readonly sessionId: string | undefined;
  readonly isLive: boolean;
}

const Row = memo(({ item, sessionId, isLive }: RowProps) => {
  switch (item.kind) {
    case 'user':
      return <UserMessage item={item} isLive={isLive} />;
    case 'assistant':
      return <AssistantMessage item={item} sessionId={sessionId} />;
    case 'tool':
      return <ToolCard item={item} />;
    case 'step':
      return <StepRow item={item} isLive={isLive} />;
    case 'approval':
      return <ApprovalCard item={item} isLive={isLive} />;
    case 'wait':
      return <WaitNote item={item} />;
    case 'phase':
      return <PhaseNote item={item} />;
    case 'event':
      return <EventNote event={item.event} />;
    case 'thoughts':
      return <Thoughts text={item.text} />;
    case 'error':
      return <ErrorNote text={item.text} />;
    default:
      return <EndNote item={item} isLive={isLive} />;
  }
});
