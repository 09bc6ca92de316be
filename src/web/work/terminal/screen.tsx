import { FitAddon } from '@xterm/addon-fit';
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes';
import { type ITheme, Terminal } from '@xterm/xterm';
import { useEffect, useRef } from 'preact/hooks';
import { colourIn, followTheme } from '../../parts/colour.ts';
import { pressedKey } from '../../parts/pressed-key.ts';
import { t } from '../../text/text.ts';
import { documentWithSheets } from './style-sheets.ts';

const insertions: ReadonlySet<string> = new Set(['insertText', 'insertReplacementText']);

interface Props {
  readonly label: string;
  /** The agent's programs end lines without a carriage return. */
  readonly isPlain?: boolean;
  /** Called once the screen is there; the returned function ends what it began. */
  readonly onOpen: (terminal: Terminal) => () => void;
}

function coloursIn(node: Element): ITheme {
  const [background, foreground] = [colourIn(node, '--console'), colourIn(node, '--console-text')];
  return { background, foreground, cursor: foreground, selectionBackground: '#6b5a4a' };
}

/** All keys go to the program in the terminal, the tab key and ctrl-k too, except those that leave the terminal. */
function goesToProgram({ ctrlKey, altKey, shiftKey }: KeyboardEvent): boolean {
  if (!(ctrlKey && altKey && shiftKey)) return true;
  document.querySelector<HTMLElement>('[role=tab][aria-selected=true]')?.focus();
  return false;
}

/**
 * Text that arrives without a key, as from an emoji picker or from dictation. xterm ignores it in its mode for screen readers,
 * because there each key also leaves its character in the field.
 */
function passInsertedText(field: HTMLTextAreaElement, pass: (text: string) => void): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  let isKey = false;
  const on = (event: KeyboardEvent) => {
    const key = pressedKey(event);
    isKey = key === '' || (key.length === 1 && !event.ctrlKey && !event.metaKey);
  };
  field.addEventListener('keydown', on, { signal, capture: true });
  field.addEventListener(
    'keyup',
    () => {
      isKey = false;
    },
    { signal, capture: true },
  );
  field.addEventListener(
    'input',
    (event) => {
      const { inputType, data, isComposing } = event as InputEvent;
      if (!isKey && !isComposing && insertions.has(inputType) && data) pass(data);
      isKey = false;
    },
    { signal, capture: true },
  );
  return () => listening.abort();
}

/** Draws a terminal, and fits its size to the panel. */
export function Screen({ label, isPlain = false, onOpen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = place.current;
    if (!node) return undefined;
    const sheets = documentWithSheets();
    const terminal = new Terminal({
      allowProposedApi: true, // the width of characters is one
      documentOverride: sheets.document,
      convertEol: isPlain,
      scrollback: 10_000,
      fontSize: 13,
      fontFamily: getComputedStyle(node).getPropertyValue('--mono'),
      cursorBlink: false,
      screenReaderMode: true,
    });
    const endTheme = followTheme(() => {
      terminal.options.theme = coloursIn(node);
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.loadAddon(new UnicodeGraphemesAddon()); // an emoji takes two cells, as in programs
    sheets.during(() => terminal.open(node));
    terminal.attachCustomKeyEventHandler(goesToProgram);
    const field = node.querySelector('textarea');
    field?.setAttribute('aria-label', label);
    field?.setAttribute('aria-describedby', 'screen-hint');
    const endInserted = field ? passInsertedText(field, (text) => terminal.input(text, true)) : () => {};
    const refit = () => node.clientWidth > 0 && fit.fit();
    refit();
    const seen = new ResizeObserver(refit);
    seen.observe(node);
    const end = onOpen(terminal);
    return () => {
      seen.disconnect();
      endTheme();
      endInserted();
      end();
      terminal.dispose();
      sheets[Symbol.dispose]();
    };
  }, []);
  return (
    <>
      <div ref={place} class="screen" />
      <p id="screen-hint" class="screen-hint">
        {t('screen.hint')}
      </p>
    </>
  );
}
