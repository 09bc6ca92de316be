import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { useEffect, useRef } from 'preact/hooks';
import { colourIn } from '../../parts/colour.ts';
import { documentWithSheets } from './style-sheets.ts';

interface Props {
  readonly label: string;
  /** The agent's programs end lines without a carriage return. */
  readonly isPlain?: boolean;
  /** Called once the screen is there; the returned function ends what it began. */
  readonly onOpen: (terminal: Terminal) => () => void;
}

/** A terminal's screen that fits its place. */
export function Screen({ label, isPlain = false, onOpen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = place.current;
    if (!node) return undefined;
    const sheets = documentWithSheets();
    const text = colourIn(node, '--console-text');
    const terminal = new Terminal({
      documentOverride: sheets.document,
      convertEol: isPlain,
      scrollback: 10_000,
      fontSize: 13,
      fontFamily: getComputedStyle(node).getPropertyValue('--mono'),
      cursorBlink: false,
      screenReaderMode: true,
      theme: {
        background: colourIn(node, '--console'),
        foreground: text,
        cursor: text,
        selectionBackground: '#6b5a4a',
      },
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    sheets.during(() => terminal.open(node));
    node.querySelector('textarea')?.setAttribute('aria-label', label);
    const refit = () => node.clientWidth > 0 && fit.fit();
    refit();
    const seen = new ResizeObserver(refit);
    seen.observe(node);
    const end = onOpen(terminal);
    return () => {
      seen.disconnect();
      end();
      terminal.dispose();
      sheets[Symbol.dispose]();
    };
  }, []);
  return <div ref={place} class="screen" />;
}
