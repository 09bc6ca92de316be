import type { RefObject } from 'preact';
import { memo } from 'preact/compat';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { focusMessageBox } from '../app/layout.ts';
import { sendMessage } from '../data/actions.ts';
import {
  advanceItemWindow,
  emptyItemWindow,
  type ItemWindow,
  itemsPerBatch,
  splitIntoItemBatches,
} from '../data/item-window.ts';
import type { ConversationItem, EventDataOf, EventItem, StepItem, ToolItem } from '../data/items.ts';
import { conversationState } from '../data/log.ts';
import { type ConversationState, isUnusableRepository } from '../data/model.ts';
import { navigateToSession } from '../data/route.ts';
import { mutateWithRetry } from '../data/server.ts';
import { currentSession, currentSessionId } from '../data/sessions.ts';
import { ChildCard } from '../delegation/tree.tsx';
import { PlainText } from '../markdown/plain.tsx';
import { chosenModel } from '../models/state.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { truncateLine } from '../parts/bounded-text.ts';
import { Button } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { StatusIcon } from '../parts/kit/status.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { chosenTemplate } from '../sessions/templates.ts';
import { openSettings } from '../settings/settings.tsx';
import { ForkButton } from '../sharing/fork.tsx';
import { chosenSkills, readChosenSkills } from '../skills/state.ts';
import { t, translateServerText } from '../text/text.ts';
import { ApprovalCard, toJsonText } from './approval-card.tsx';
import { setComposerText } from './composer-text.ts';
import { LiveContext } from './live.ts';
import { AssistantMessage, UserMessage } from './message.tsx';
import { chosenRepository, isRepositoryFieldOpen } from './new-session-choices.tsx';
import { ErrorNote, EventNote, PhaseNote, RetryNote, RunEndNote, Thoughts, WaitNote } from './notes.tsx';
import { ToolCard } from './tool-card.tsx';

interface Props {
  readonly model: ConversationState;
  readonly sessionId: string | undefined;
  /** False in a replay and in a shared session, which are read-only. */
  readonly isLive?: boolean;
  readonly isEndOnly?: boolean;
}

export function ConversationItems({ model, sessionId, isLive = false, isEndOnly = false }: Props) {
  const shown = useEndFirst(model);
  const log = useRef<HTMLDivElement>(null);
  const isStill = useStill(log, shown.items.length > 0);
  return (
    <LiveContext.Provider value={isLive}>
      <div
        ref={log}
        class="items roomy stack"
        role="log"
        aria-label={t('conversation')}
        aria-busy={isEndOnly || shown.first > 0}
        data-still={shown.items.length > 0 ? isStill : undefined}
      >
        {splitIntoItemBatches(shown).map(({ key, items }) => (
          <Part key={key} items={items} sessionId={sessionId} isLive={isLive} />
        ))}
      </div>
    </LiveContext.Provider>
  );
}

/** The items update in a separate task, after the pending decisions are drawn. */
function useEndFirst(model: ConversationState): ItemWindow {
  const items = model.items.value;
  const [shown, setShown] = useState(emptyItemWindow);
  const newest = useRef(items);
  const isDue = useRef(false);
  newest.current = items;
  useEffect(() => {
    if (isDue.current || (shown.items === items && shown.first === 0)) return;
    isDue.current = true;
    afterFrame(() => {
      isDue.current = false;
      setShown((before) => advanceItemWindow(before, newest.current));
    });
  }, [items, shown]);
  return shown;
}

/** True once the newest items have their final height. */
function useStill(log: RefObject<HTMLDivElement | null>, hasItems: boolean): boolean {
  const [isStill, setStill] = useState(false);
  useEffect(() => {
    const check = () => {
      if (log.current?.querySelector(`:scope > :nth-last-child(-n + ${itemsPerBatch}) .unread-text`)) afterFrame(check);
      else setStill(true);
    };
    if (hasItems) check();
  }, [hasItems]);
  return isStill;
}

/** Uses a timer on a hidden page, which is not painted. */
function afterFrame(act: () => void): void {
  if (document.visibilityState === 'hidden') setTimeout(act, 50);
  else requestAnimationFrame(() => setTimeout(act));
}

interface PartProps {
  readonly items: readonly ConversationItem[];
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
        <ErrorBoundary key={item.seq} instead={<PlainItem item={item} />}>
          <Row item={item} sessionId={sessionId} isLive={isLive} />
        </ErrorBoundary>
      ))}
    </>
  ),
  isSame,
);

const Row = memo(({ item, sessionId, isLive }: Omit<PartProps, 'items'> & { readonly item: ConversationItem }) => {
  switch (item.kind) {
    case 'user':
      return <UserMessage item={item} isLive={isLive} />;
    case 'assistant':
      return <AssistantMessage item={item} sessionId={sessionId} />;
    case 'tool':
      return <Call item={item} />;
    case 'step':
      return <StepRow item={item} isLive={isLive} />;
    case 'approval':
      // A live conversation shows open approvals above the message box.
      return isLive && item.decided.value === undefined ? null : <ApprovalCard item={item} isLive={isLive} />;
    case 'wait':
      return isLive ? null : <WaitNote item={item} />;
    case 'phase':
      return <PhaseNote item={item} />;
    case 'retry':
      return <RetryNote item={item} />;
    case 'event':
      return item.event.type === 'repository' && isUnusableRepository(item.event) ? (
        <RepositoryCard seq={item.seq} data={item.event.data} />
      ) : (
        <EventNote event={item.event} />
      );
    case 'thoughts':
      return <Thoughts text={item.text} />;
    case 'error':
      return <ErrorNote text={item.text} />;
    default:
      return <RunEndNote item={item} isLive={isLive} />;
  }
});

function Call({ item }: { item: ToolItem }) {
  const child = item.child.value;
  if (child) return <ChildCard item={item} child={child} />;
  const looked = item.name === 'delegate_check' || item.name === 'delegate_stop';
  return looked && item.state.value.status === 'completed' ? null : <ToolCard item={item} />;
}

const StepRow = ({ item, isLive }: { item: StepItem; isLive: boolean }) =>
  item.repeatsTask.value ? null : (
    <div class="row step" data-status={item.status.value}>
      <h2 class="row fill breaks">
        <StatusIcon status={item.status.value} /> <span>{item.description}</span>
      </h2>
      {isLive && item.endSeq.value !== undefined && <ForkButton seq={item.endSeq.value} />}
    </div>
  );

const PlainItem = ({ item }: { item: ConversationItem }) => (
  <article class="chat-message" aria-label={t(item.kind === 'user' ? 'you' : 'agent')} data-seq={item.seq}>
    <PlainText text={toText(item)} />
  </article>
);

function toText(item: ConversationItem): string {
  switch (item.kind) {
    case 'user':
    case 'error':
    case 'thoughts':
      return String(item.text);
    case 'assistant':
      return String(item.text.peek());
    case 'step':
      return String(item.description);
    case 'tool':
      return [item.name, toJsonText(item.args, ''), item.state.peek().called?.output].join('\n');
    case 'approval':
      return toJsonText(item.request, '');
    case 'event':
      return toJsonText(item.event.data, '');
    case 'retry':
      return String(item.state.peek().detail);
    case 'phase':
      return toJsonText(item.phase.peek(), '');
    default:
      return toJsonText(item.data, '');
  }
}

function RepositoryCard({ seq, data }: { seq: number; data: EventDataOf<'repository'> }) {
  const { kind, path, url, detail } = data;
  const isLive = useContext(LiveContext);
  const items = conversationState.items.value;
  const isNewest = !items.some((item) => item.seq > seq && isAbout(item, path));
  const before = items.findLast((item) => item.seq < seq && isAbout(item, path));
  const isBlocked = items.some(
    (item) => item.seq > (before?.seq ?? 0) && item.kind === 'event' && isRefusal(item.event, url),
  );
  const now = currentSession.value?.repositories.find((one) => one.path === path);
  const isFixed = now?.state === 'ready' && (kind === 'failed' || now.environment?.setup !== 'failed');
  const question = items.findLast((item) => item.kind === 'user');
  const task = question?.kind === 'user' ? question : undefined;
  const title = t(kind === 'failed' ? 'repository.failed' : 'repository.unprepared');
  const again = () =>
    tryOrNotify(title, async () => {
      const { value: sessionId } = currentSessionId;
      if (sessionId === undefined) return;
      await mutateWithRetry('repositories.fetch', { sessionId, path });
      if (task) await sendMessage({ text: task.text, attachments: task.attachments, goal: task.goal });
    });
  const change = async () => {
    const { id, model, template, templateBy } = currentSession.value ?? {};
    const skills = id === undefined ? [] : await readChosenSkills(id).catch(() => []);
    navigateToSession(undefined);
    chosenModel.value = model ?? '';
    chosenTemplate.value = (templateBy === 'session' && template) || '';
    chosenSkills.value = skills;
    chosenRepository.value = url;
    isRepositoryFieldOpen.value = true;
    setComposerText(task?.text ?? '');
  };
  if (isLive && isFixed) return <p class="aside">{title}</p>;
  const [why = '', output = ''] = truncateLine(translateServerText(detail)).split(/ (?=(?:fatal|error|remote): )/, 2);
  return (
    <div class="note bad" role="alert">
      <Icon name="warning" />
      <div class="stack">
        <strong>{title}</strong>
        <p>{why}</p>
        {output !== '' && <p class="mono small-text breaks">{output}</p>}
        {isLive && isNewest && (
          <div class="row wrap">
            {isBlocked && <Button kind="primary" label={t('egressReview')} onClick={() => openSettings('network')} />}
            <Button
              kind={isBlocked ? 'plain' : 'primary'}
              icon="retry"
              label={t('retry')}
              onClick={({ detail: clicks }) => {
                if (clicks === 0) focusMessageBox(); // pressed by key: the card goes
                void again();
              }}
            />
            <Button label={t('repository.change')} onClick={change} />
          </div>
        )}
      </div>
    </div>
  );
}

const isRefusal = (event: EventItem['event'], url: string): boolean =>
  event.type === 'egress' && event.data.decision === 'refused' && event.data.host === new URL(url).hostname;
const isAbout = (item: ConversationItem, path: string): boolean =>
  item.kind === 'event' && item.event.type === 'repository' && item.event.data.path === path;
