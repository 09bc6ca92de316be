import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { computeRowsTop, computeScrollHeight, computeScrollTop } from './scroll-scale.ts';

const extra = 12; // rows drawn on each side of the visible ones

interface Props {
  readonly count: number;
  /** Pixels. */
  readonly rowHeight: number;
  readonly row: (index: number) => VNode;
  readonly class?: string;
  readonly label: string;
  readonly role?: 'list' | 'log' | 'group' | 'tree';
  readonly followsEnd?: boolean;
  readonly shown?: number | undefined;
}

export function VirtualList({ count, rowHeight, row, label, role = 'list', followsEnd, shown, class: more }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [{ top, height }, setView] = useState({ top: 0, height: 600 });
  const measure = () => {
    const node = ref.current;
    if (!node) return;
    atEnd.current = node.scrollHeight - node.scrollTop - node.clientHeight < rowHeight * 2;
    setView((old) =>
      old.top === node.scrollTop && old.height === node.clientHeight
        ? old
        : { top: node.scrollTop, height: node.clientHeight },
    );
  };
  useEffect(() => {
    const seen = new ResizeObserver(measure);
    if (ref.current) seen.observe(ref.current);
    return () => seen.disconnect();
  }, []);
  useLayoutEffect(() => {
    const node = ref.current;
    if (node && followsEnd && atEnd.current) node.scrollTop = node.scrollHeight;
    measure();
  }, [count, followsEnd]);
  useLayoutEffect(() => {
    const node = ref.current;
    if (!node || shown === undefined || shown < 0) return;
    const list = { count, rowHeight, viewHeight: node.clientHeight };
    const at = shown * rowHeight;
    const from = computeRowsTop(list, node.scrollTop);
    if (at < from) node.scrollTop = computeScrollTop(list, at);
    else if (at + rowHeight > from + node.clientHeight)
      node.scrollTop = computeScrollTop(list, at + rowHeight - node.clientHeight);
  }, [shown]);
  const rowsTop = computeRowsTop({ count, rowHeight, viewHeight: height }, top);
  const first = Math.max(0, Math.floor(rowsTop / rowHeight) - extra);
  const last = Math.min(count, Math.ceil((rowsTop + height) / rowHeight) + extra);
  const rows = [];
  for (let index = first; index < last; index++) rows.push(row(index));
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: every role it can have takes a name
    // biome-ignore lint/a11y/noStaticElementInteractions: focus only scrolls
    <div
      ref={ref}
      class={`virtual scrolls ${more ?? ''}`}
      role={role}
      aria-label={label}
      tabIndex={role === 'tree' ? -1 : 0} // in a tree, the items take the focus
      onScroll={measure}
      onFocus={({ target, currentTarget: node, relatedTarget }) => {
        const isEntered = target === node && node.matches(':focus-visible') && !node.contains(relatedTarget as Node);
        // Otherwise Tab would skip the rows above those that are drawn.
        if (!isEntered || followsEnd || !node.querySelector('a, button')) return;
        node.scrollTop = 0;
        measure();
      }}
    >
      <div
        class="virtual-space"
        role="presentation"
        style={{ height: `${computeScrollHeight({ count, rowHeight })}px` }}
      >
        <div
          class="virtual-rows"
          role="presentation"
          style={{ transform: `translateY(${top - rowsTop + first * rowHeight}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}
