import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** Sets `data-tight` to the lowest level, from 0 to `max`, at which the row's styles let its children fit. */
export function useTightRow<Row extends HTMLElement>(max: number): RefObject<Row | null> {
  const row = useRef<Row>(null);
  useLayoutEffect(() => {
    const node = row.current;
    if (!node) return undefined;
    const measure = () => {
      for (let level = 0; level <= max; level++) {
        node.dataset.tight = String(level);
        if (node.scrollWidth <= node.clientWidth) return;
      }
    };
    const resized = new ResizeObserver(measure);
    const watch = () => {
      for (const part of [node, ...node.children]) resized.observe(part);
      measure();
    };
    const changed = new MutationObserver(watch);
    changed.observe(node, { childList: true });
    watch();
    return () => {
      changed.disconnect();
      resized.disconnect();
    };
  }, []);
  return row;
}
