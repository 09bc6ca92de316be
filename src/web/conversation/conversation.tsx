import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { findModelRequestStart } from '../data/items.ts';
import { conversationState, isLoadingHistory } from '../data/log.ts';
import { currentSessionId } from '../data/sessions.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { AutoScroller } from '../parts/end-follower.ts';
import { formatCompactCount } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { StatusIcon } from '../parts/kit/status.tsx';
import { t } from '../text/text.ts';
import { Composer } from './composer.tsx';
import { ConversationItems } from './items.tsx';
import { LiveContext } from './live.ts';
import { drawOpenItem } from './notes.tsx';
import { PlanPanel } from './plan.tsx';
import { ElapsedTime } from './tool-card.tsx';
import { Welcome } from './welcome.tsx';

export function Conversation() {
  const id = currentSessionId.value;
  const scroller = useRef<HTMLDivElement>(null);
  const end = useRef(new AutoScroller()).current;
  const isAway = useSignal(false);
  const toEnd = () => {
    const node = scroller.current;
    if (node) node.scrollTop = node.scrollHeight;
  };
  const followAgain = () => {
    end.follow();
    isAway.value = false;
    toEnd();
  };
  useLayoutEffect(() => {
    if (id === undefined) {
      end.stay();
      scroller.current?.scrollTo(0, 0);
    } else end.follow();
    isAway.value = false;
  }, [id]);
  // Keeps the end in view as the content grows.
  useEffect(() => {
    const node = scroller.current;
    const inner = node?.firstElementChild;
    if (!node || !inner) return undefined;
    const seen = new ResizeObserver(() => end.follows && toEnd());
    seen.observe(inner);
    seen.observe(node);
    return () => seen.disconnect();
  }, [id === undefined]);
  // Input events distinguish the user's scrolling from layout changes.
  useEffect(() => {
    const node = scroller.current;
    if (!node) return undefined;
    const over = new AbortController();
    const { signal } = over;
    const on = (types: string, does: (event: Event) => void, where: EventTarget = node) => {
      for (const type of types.split(' ')) where.addEventListener(type, does, { signal, passive: true });
    };
    on('wheel', (event) => ((event as WheelEvent).deltaY < 0 ? end.turnedUp(node) : end.handled()));
    on('keydown', () => end.handled());
    on('pointerdown touchstart', () => end.held());
    on('pointerup pointercancel touchend blur', () => end.released(), window);
    // Chromium does not report the end of a press on the scroll bar.
    on('pointermove', (event) => (event as PointerEvent).buttons === 0 && end.released());
    return () => over.abort();
  }, []);
  const last = conversationState.items.value.at(-1);
  useLayoutEffect(() => {
    if (last?.kind === 'user') end.follow();
    if (end.follows) toEnd();
  }, [id, last?.seq]); // compares the seq, because reading the whole log replaces the message object
  return (
    <>
      <div
        ref={scroller}
        class="scroll scrolls fill"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long conversation scrolls, also by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: node }) => {
          end.scrolled(node);
          isAway.value = !end.follows;
        }}
      >
        <div class="column" data-start={id === undefined}>
          {id === undefined ? (
            <Welcome />
          ) : (
            <ErrorBoundary key={id}>
              <h2 class="sr-only">{t('conversation')}</h2>
              {isLoadingHistory.value && <p class="quiet">{t('earlierComing')}</p>}
              <ConversationItems model={conversationState} sessionId={id} isLive isEndOnly={isLoadingHistory.value} />
              <Thinking />
            </ErrorBoundary>
          )}
        </div>
      </div>
      <div class="foot full rigid" hidden={id === undefined}>
        {isAway.value && <Button class="to-end" icon="down" label={t('toEnd')} onClick={followAgain} />}
        {id !== undefined && (
          <>
            <OpenItems />
            <ErrorBoundary key={id} instead={null}>
              <ConversationPlan />
            </ErrorBoundary>
            <Composer />
          </>
        )}
      </div>
    </>
  );
}

/** Outside the list of messages, so that nothing an agent writes can hide these items. */
const OpenItems = () => (
  <section class="stack open-items scrolls" aria-label={t('openItems')} aria-live="polite">
    {conversationState.open.value.map(drawOpenItem)}
  </section>
);

const ConversationPlan = () =>
  conversationState.plan.value.length > 1 ? <PlanPanel model={conversationState} /> : null;

function Thinking() {
  const run = conversationState.run.value;
  const since = run.kind === 'running' ? findModelRequestStart(conversationState.items.value) : undefined;
  if (run.kind !== 'running' || since === undefined) return null;
  const { inputTokens, outputTokens } = conversationState.runUsed.value;
  const tokens = inputTokens + outputTokens;
  return (
    <p class="thinking quiet row">
      <StatusIcon status="running" /> <span role="status">{t('thinking')}</span>
      <LiveContext.Provider value>
        <ElapsedTime since={Math.max(run.since, since)} />
      </LiveContext.Provider>
      {tokens > 0 && <span>{t('tokensShort', { n: formatCompactCount(tokens) })}</span>}
    </p>
  );
}
