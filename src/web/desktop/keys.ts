import { pressedKeyOf } from '../parts/pressed-key.ts';

// Text from phone keyboards, emoji pickers and input methods is sent as key events.

const [backspace, enter, tab, control] = [0xff08, 0xff0d, 0xff09, 0xffe3];
const named = { Enter: enter, Backspace: backspace, Tab: tab, Escape: 0xff1b, Delete: 0xffff };
const arrows = { ArrowLeft: 0xff51, ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54 };
const keys: Readonly<Record<string, number>> = { ...named, ...arrows, '\n': enter, '\t': tab };
/** Keeps the field non-empty, so that a phone's delete key has an effect. */
const filler = '\u2007';

/** A character's Latin-1 code, or its Unicode code point with a marker bit. */
export function toKeysym(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  return keys[character] ?? (point < 0x100 ? point : 0x0100_0000 | point);
}

/** `code`: `KeyboardEvent.code`, or empty for text without a key. */
export function forwardTyping(field: HTMLTextAreaElement, send: Desktop['rfb']['sendKey']): void {
  /** Runs after input and composition events, because browsers differ in their order. */
  const sendText = () => {
    for (const character of field.value.replace(filler, '').replaceAll('\r\n', '\n')) send(toKeysym(character), '');
    reset();
  };
  const reset = () => {
    field.value = filler;
    field.setSelectionRange(1, 1);
  };
  reset();
  field.addEventListener('focus', reset);
  field.addEventListener('keydown', (event) => {
    const { code, ctrlKey, altKey } = event;
    const key = pressedKeyOf(event);
    // Ctrl+V pastes into the field. Ctrl with Alt is AltGr, which types text.
    const isCombination = ctrlKey && !altKey && key.length === 1 && code !== 'KeyV';
    const keysym = keys[key] ?? (isCombination ? toKeysym(key) : undefined);
    if (keysym === undefined) return;
    event.preventDefault();
    if (ctrlKey) send(control, 'ControlLeft', true);
    send(keysym, code);
    if (ctrlKey) send(control, 'ControlLeft', false);
  });
  field.addEventListener('input', (event) => {
    const { isComposing, inputType } = event as InputEvent;
    if (isComposing) return;
    if (/^delete\w+Backward$/.test(inputType)) send(backspace, 'Backspace');
    else if (inputType === 'insertLineBreak') send(enter, 'Enter');
    else sendText();
    reset();
  });
  field.addEventListener('compositionend', sendText);
}

/** Runs before noVNC's handlers: paste shortcuts must reach the browser, and noVNC ignores emoji. */
export function handleDesktopKeys(desktop: () => Desktop | undefined): void {
  let key: ReturnType<typeof pasteKey>;
  const composition = new KeyComposition();
  const isOnScreen = () => document.activeElement?.tagName === 'CANVAS';
  addEventListener(
    'keydown',
    (event) => {
      const target = isOnScreen() ? desktop() : undefined;
      key = target?.clipboard ? pasteKey(event) : undefined;
      const isWide = event.key.length > 1 && [...event.key].length === 1;
      if (key || (target && (isWide || composition.takes(event)))) event.stopImmediatePropagation();
      if (isWide) target?.rfb.sendKey(toKeysym(event.key), '');
    },
    true,
  );
  const compose = (event: KeyboardEvent) => {
    const text = isOnScreen() ? composition.textOf(event) : '';
    if (text !== '') event.preventDefault();
    for (const character of text) desktop()?.rfb.sendKey(toKeysym(character), '');
  };
  addEventListener('keypress', compose, true);
  addEventListener('keyup', compose, true);
  addEventListener('paste', (event) => {
    const target = desktop()?.rfb;
    if (!key || !target || !isOnScreen()) return;
    event.preventDefault();
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (text !== '') target.clipboardPasteFrom(text);
    if (!key.isCommand) return target.sendKey(key.keysym, key.code);
    dispatchEvent(new Event('blur')); // makes noVNC release the Command key
    target.sendKey(control, 'ControlLeft', true);
    target.sendKey(key.keysym, key.code);
    target.sendKey(control, 'ControlLeft', false);
  });
}
/** noVNC reads keydown events, but only keypress events contain composed characters such as `é`. */
export class KeyComposition {
  #state: 'none' | 'dead' | 'compose' | 'composed' = 'none';
  #last = '';

  /** Whether the key belongs to a composition. noVNC must not send such a key. */
  takes({ key, ctrlKey, altKey, metaKey }: KeyFields<'key' | 'ctrlKey' | 'altKey' | 'metaKey'>): boolean {
    if (/^(Shift|Alt|AltGraph|Control|CapsLock)$/.test(key)) return false;
    this.#last = '';
    if (this.#state === 'composed') this.#state = 'none';
    if (key === 'Dead' || key === 'Compose') this.#state = key === 'Dead' ? 'dead' : 'compose';
    else if ([...key].length !== 1 || (ctrlKey && !altKey) || metaKey) this.#state = 'none';
    else if (this.#state === 'dead') this.#last = key;
    return this.#state !== 'none';
  }

  /** Returns the composed text, or ''. If the key after a dead key causes no keypress, returns its text on release. */
  textOf({ type, key }: KeyFields<'type' | 'key'>): string {
    const text = type === 'keypress' ? key : this.#last;
    const isOver = this.#state === 'none' || text === '';
    if (!isOver) [this.#state, this.#last] = ['composed', ''];
    return isOver ? '' : text;
  }
}
type KeyFields<Fields extends keyof KeyboardEvent> = Pick<KeyboardEvent, Fields>;

interface Desktop {
  readonly rfb: {
    clipboardPasteFrom(text: string): void;
    sendKey(keysym: number, code: string, isDown?: boolean): void;
  };
  readonly clipboard: boolean;
}
function pasteKey({ code, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent) {
  if (code === 'KeyV' && (ctrlKey || metaKey) && !altKey)
    return { keysym: shiftKey ? 0x56 : 0x76, code, isCommand: metaKey };
  return code === 'Insert' && shiftKey && !ctrlKey && !altKey ? { keysym: 0xff63, code, isCommand: false } : undefined;
}
