import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { isEndOnly, model } from '../data/log.ts';
import { currentId } from '../data/sessions.ts';
import { Boundary } from '../parts/boundary.tsx';
import { Button } from '../parts/button.tsx';
import { EndFollower } from '../parts/end-follower.ts';
import { t } from '../text/text.ts';
import { Composer } from './composer.tsx';
import { Items } from './items.tsx';
import { OpenItems } from './open-items.tsx';
import { Plan } from './plan.tsx';
import { Thinking } from './thinking.tsx';
import { Welcome } from './welcome.tsx';

export function Conversation() {
  const id = currentId.value;
  const scroller = useRef<HTMLDivElement>(null);
  const end = useRef(new EndFollower()).current;
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
    if (id === undefined)
      end.stay(); // the start page begins at its top
    else end.follow();
    isAway.value = false;
  }, [id]);
  // Any growth counts, also that of a message being written or of a picture that arrives.
  useEffect(() => {
    const node = scroller.current;
    const inner = node?.firstElementChild;
    if (!node || !inner) return undefined;
    const seen = new ResizeObserver(() => end.follows && toEnd());
    seen.observe(inner);
    seen.observe(node);
    return () => seen.disconnect();
  }, [id === undefined]);
  // Input by hand tells a person's scrolling from a move of the layout.
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
    // Chromium reports no end of a press on the scroll bar, but it does report a pointer that moves with no button down.
    on('pointermove', (event) => (event as PointerEvent).buttons === 0 && end.released());
    return () => over.abort();
  }, []);
  const last = model.items.value.at(-1);
  useLayoutEffect(() => {
    if (last?.kind === 'user') end.follow();
    if (end.follows) toEnd();
  }, [id, last?.seq]); // the same message is another object once the whole log was read
  return (
    <>
      <div
        ref={scroller}
        class="scroll"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long conversation scrolls, also by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: node }) => {
          end.scrolled(node);
          isAway.value = !end.follows;
        }}
      >
        <div class="column">
          {id === undefined ? (
            <Welcome />
          ) : (
            <Boundary key={id}>
              <h2 class="sr-only">{t('conversation')}</h2>
              {isEndOnly.value && <p class="quiet">{t('earlierComing')}</p>}
              <Items model={model} sessionId={id} isLive isEndOnly={isEndOnly.value} />
              <Thinking />
            </Boundary>
          )}
        </div>
      </div>
      <div class="foot">
        {isAway.value && id !== undefined && (
          <Button class="to-end" icon="down" onClick={followAgain}>
            {t('toEnd')}
          </Button>
        )}
        {id !== undefined && <OpenItems model={model} />}
        {id !== undefined && (
          <Boundary key={id} instead={null}>
            <Plan />
          </Boundary>
        )}
        <Composer />
      </div>
    </>
  );
}
