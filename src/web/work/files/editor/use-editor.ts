import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { EditorHandle } from './code-mirror.ts';

type EditorModule = typeof import('./code-mirror.ts');

interface EditorUse {
  /** Shows the editor in this element; CodeMirror loads on first use. */
  readonly show: (editors: EditorModule, parent: HTMLElement) => Promise<EditorHandle>;
  readonly takesFocus?: boolean;
  /** The line below which this element's comment is shown, from 1; undefined: no comment. */
  readonly commented: number | undefined;
  /** A different value closes the editor and opens a new one. */
  readonly of: string;
}

/** An editor in the element that gets the returned ref, as long as the element is drawn. */
export function useEditor({ show, takesFocus = false, commented, of }: EditorUse): RefObject<HTMLDivElement | null> {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<EditorHandle>(undefined);
  useEffect(() => {
    let isOver = false;
    const open = async (parent: HTMLElement) => {
      const made = await show(await import('./code-mirror.ts'), parent);
      if (isOver) return made[Symbol.dispose]();
      shown.current = made;
      if (takesFocus) made.focus();
    };
    if (place.current) open(place.current).catch(reportError);
    return () => {
      isOver = true;
      shown.current?.[Symbol.dispose]();
      shown.current = undefined;
    };
  }, [of]);
  useEffect(() => {
    shown.current?.commentBelow(commented);
    if (commented === undefined) return;
    place.current?.querySelector<HTMLElement>('[slot] .field')?.focus();
    return () => shown.current?.focus();
  }, [commented]);
  return place;
}
