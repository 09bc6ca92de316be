import { FitAddon } from '@xterm/addon-fit';
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes';
import { type ITheme, Terminal } from '@xterm/xterm';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { onThemeChange, resolveCssColor } from '../../parts/colour.ts';
import { Button } from '../../parts/kit/button.tsx';
import { pressedKeyOf } from '../../parts/pressed-key.ts';
import { isTouchDevice } from '../../parts/touch.ts';
import { t } from '../../text/text.ts';

// Replaces xterm's style elements and attributes, which the page's policy refuses.

/** Dispose of the result when the terminal is disposed. */
function documentWithSheets() {
  const own: CSSStyleSheet[] = [];
  const original = Document.prototype.createElement.bind(document) as (tag: string) => HTMLElement;
  const styleElement = () => {
    const element = original('span');
    element.hidden = true;
    const sheet = new CSSStyleSheet();
    own.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    Object.defineProperty(element, 'textContent', { set: (rules: string) => sheet.replaceSync(rules) });
    return element;
  };
  const createElement = (tag: string) => {
    if (tag === 'style') return styleElement();
    const element = original(tag);
    const set = element.setAttribute.bind(element);
    element.setAttribute = (name, value) => {
      if (name === 'style') element.style.cssText = value;
      else set(name, value);
    };
    return element;
  };
  const handler: ProxyHandler<Document> = {
    get(target, name) {
      if (name === 'createElement') return createElement;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  };
  return {
    document: new Proxy(document, handler),
    /** xterm creates one style sheet through the page's own document, which is patched during `work`. */
    during(work: () => void): void {
      Object.defineProperty(document, 'createElement', { configurable: true, value: createElement });
      try {
        work();
      } finally {
        Reflect.deleteProperty(document, 'createElement');
      }
    },
    [Symbol.dispose]() {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !own.includes(sheet));
    },
  };
}

const insertions: ReadonlySet<string> = new Set(['insertText', 'insertReplacementText']);

interface Props {
  readonly label: string;
  /** Whether lines end without a carriage return, as those of the agent's programs do. */
  readonly isPlain?: boolean;
  readonly onOpen: (terminal: Terminal) => () => void;
}

function coloursIn(node: Element): ITheme {
  const [background, foreground] = [resolveCssColor(node, '--console'), resolveCssColor(node, '--console-text')];
  return { background, foreground, cursor: foreground, selectionBackground: '#6b5a4a' };
}

function goesToProgram({ ctrlKey, altKey, shiftKey }: KeyboardEvent): boolean {
  if (!(ctrlKey && altKey && shiftKey)) return true;
  document.querySelector<HTMLElement>('[role=tab][aria-selected=true]')?.focus();
  return false;
}

/** In screen reader mode, xterm ignores text entered without a key press, and leaves typed characters in the field. */
function passInsertedText(field: HTMLTextAreaElement, pass: (text: string) => void): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  let isKey = false;
  const on = (event: KeyboardEvent) => {
    const key = pressedKeyOf(event);
    isKey = key === '' || (key.length === 1 && !event.ctrlKey && !event.metaKey);
  };
  field.addEventListener('keydown', on, { signal, capture: true });
  const off = (event: Event) => {
    const { inputType, data, isComposing } = event as InputEvent;
    if (event.type === 'input' && !isKey && !isComposing && insertions.has(inputType) && data) pass(data);
    isKey = false;
  };
  for (const type of ['keyup', 'input']) field.addEventListener(type, off, { signal, capture: true });
  return () => listening.abort();
}

export function TerminalScreen({ label, isPlain = false, onOpen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<Terminal>(null);
  useEffect(() => {
    const node = place.current;
    if (!node) return undefined;
    const sheets = documentWithSheets();
    const terminal = new Terminal({
      allowProposedApi: true, // required for Unicode character widths
      documentOverride: sheets.document,
      convertEol: isPlain,
      scrollback: 10_000,
      fontSize: 13,
      fontFamily: getComputedStyle(node).getPropertyValue('--mono'),
      cursorBlink: false,
      screenReaderMode: true,
    });
    shown.current = terminal;
    const endTheme = onThemeChange(() => {
      terminal.options.theme = coloursIn(node);
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.loadAddon(new UnicodeGraphemesAddon()); // programs expect an emoji to take two cells
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
      <div ref={place} class="screen fill" />
      {isTouchDevice() && <TouchKeys terminal={shown} />}
      <p id="screen-hint" class="screen-hint quiet small-text rigid">
        {t('terminal.hint')}
      </p>
    </>
  );
}

function TouchKeys({ terminal }: { terminal: RefObject<Terminal | null> }) {
  const press = (text: string) => terminal.current?.input(text);
  const arrow = (last: string) => press(`\x1b${terminal.current?.modes.applicationCursorKeysMode ? 'O' : '['}${last}`);
  const keys: Readonly<Record<string, () => void>> = {
    Esc: () => press('\x1b'),
    Tab: () => press('\t'),
    [`${t('key.ctrl')}+C`]: () => press('\x03'),
    [`${t('key.ctrl')}+D`]: () => press('\x04'),
    '←': () => arrow('D'),
    '↑': () => arrow('A'),
    '↓': () => arrow('B'),
    '→': () => arrow('C'),
  };
  return (
    <div
      class="touch-keys row rigid"
      role="toolbar"
      aria-label={t('terminal.keys')}
      onMouseDown={(event) => event.preventDefault()} // keeps the on-screen keyboard open
    >
      {Object.entries(keys).map(([label, press]) => (
        <Button key={label} class="small" label={label} onClick={press} />
      ))}
    </div>
  );
}
