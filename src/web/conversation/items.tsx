import { memo } from 'preact/compat';
import { useEffect, useRef, useState } from 'preact/hooks';
import { emptyWindow, type ItemWindow, nextWindow, partsOf } from '../data/item-window.ts';
import type { Item, StepItem } from '../data/items.ts';
import { type ConversationModel, isUnusable } from '../data/model.ts';
import { Boundary } from '../parts/boundary.tsx';
import { Mark } from '../parts/status.tsx';
import { ForkButton } from '../sharing/fork.tsx';
import { t } from '../text/text.ts';
import { ApprovalCard } from './approval-card.tsx';
import { Live } from './live.ts';
import { AssistantMessage, UserMessage } from './message.tsx';
import { EndNote, ErrorNote, EventNote, PhaseNote, RetryNote, Thoughts, WaitNote } from './notes.tsx';
import { PlainItem } from './plain-item.tsx';
import { RepositoryCard } from './repository-card.tsx';
import { ToolCard } from './tool-card.tsx';

interface Props {
  readonly model: ConversationModel;
  readonly sessionId: string | undefined;
  /** People can decide, retry and edit here; false in a replay and in a shared session. */
  readonly isLive?: boolean;
  /** Older items are still to come. */
  readonly isEndOnly?: boolean;
}

/** Everything that a model shows, in the order of the log. The end is drawn first; what is above it follows, frame by frame. */
export function Items({ model, sessionId, isLive = false, isEndOnly = false }: Props) {
  const shown = useEndFirst(model);
  return (
    <Live.Provider value={isLive}>
      <div class="items" role="log" aria-label={t('conversation')} aria-busy={isEndOnly || shown.first > 0}>
        {partsOf(shown).map(({ key, items }) => (
          <Part key={key} items={items} sessionId={sessionId} isLive={isLive} />
        ))}
      </div>
    </Live.Provider>
  );
}

/** The items to draw. They change in a task of their own, after what waits for a person has been drawn. */
function useEndFirst(model: ConversationModel): ItemWindow {
  const items = model.items.value;
  const [shown, setShown] = useState(emptyWindow);
  const newest = useRef(items);
  const isDue = useRef(false);
  newest.current = items;
  useEffect(() => {
    if (isDue.current || (shown.items === items && shown.first === 0)) return;
    isDue.current = true;
    afterFrame(() => {
      isDue.current = false;
      setShown((before) => nextWindow(before, newest.current));
    });
  }, [items, shown]);
  return shown;
}

/** Calls `act` when the browser has painted. A hidden page paints nothing. */
function afterFrame(act: () => void): void {
  if (document.visibilityState === 'hidden') setTimeout(act, 50);
  else requestAnimationFrame(() => setTimeout(act));
}

interface PartProps {
  readonly items: readonly Item[];
  readonly sessionId: string | undefined;
  readonly isLive: boolean;
}

const isSame = (before: PartProps, now: PartProps): boolean =>
  before.sessionId === now.sessionId &&
  before.isLive === now.isLive &&
  before.items.length === now.items.length &&
  before.items.every((item, at) => item === now.items[at]);

const Part = memo(
  ({ items, sessionId, isLive }: PartProps) => (
    <>
      {items.map((item) => (
        <Boundary key={item.seq} instead={<PlainItem item={item} />}>
          <Row item={item} sessionId={sessionId} isLive={isLive} />
        </Boundary>
      ))}
    </>
  ),
  isSame,
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
      // While it is open, a live conversation has it above the message box.
      return isLive && item.decided.value === undefined ? null : <ApprovalCard item={item} isLive={isLive} />;
    case 'wait':
      return isLive ? null : <WaitNote item={item} />;
    case 'phase':
      return <PhaseNote item={item} />;
    case 'retry':
      return <RetryNote item={item} />;
    case 'event':
      return item.event.type === 'repository' && isUnusable(item.event) ? (
        <RepositoryCard seq={item.seq} data={item.event.data} />
      ) : (
        <EventNote event={item.event} />
      );
    case 'thoughts':
      return <Thoughts text={item.text} />;
    case 'error':
      return <ErrorNote text={item.text} />;
    default:
      return <EndNote item={item} isLive={isLive} />;
  }
});

/** A step of the plan. A session can be forked where it ended. */
const StepRow = ({ item, isLive }: { item: StepItem; isLive: boolean }) => (
  <div class="step" data-status={item.status.value}>
    <h2>
      <Mark status={item.status.value} /> <span>{item.description}</span>
    </h2>
    {isLive && item.endSeq.value !== undefined && <ForkButton seq={item.endSeq.value} />}
  </div>
);
