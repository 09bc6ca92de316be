import { pressedKey } from '../parts/pressed-key.ts';

// A phone's keyboard, an emoji picker or an input method writes into a text field; its text becomes key events of the desktop.

const [backspace, enter, tab, control] = [0xff08, 0xff0d, 0xff09, 0xffe3];
const named = { Enter: enter, Backspace: backspace, Tab: tab, Escape: 0xff1b, Delete: 0xffff };
const arrows = { ArrowLeft: 0xff51, ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54 };
const keys: Readonly<Record<string, number>> = { ...named, ...arrows, '\n': enter, '\t': tab };
/** Stands in the field, so that a phone's delete key has an effect. */
const filler = '\u2007';

/** X's keysym of a character: its code in Latin-1, else its Unicode number with a marker bit. */
export function toKeysym(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  return keys[character] ?? (point < 0x100 ? point : 0x0100_0000 | point);
}

/** `code` is a browser's name of the key, empty for a character that came without one. */
export function typeInto(field: HTMLTextAreaElement, send: (keysym: number, code: string) => void): void {
  /** Sends the field's text. Browsers end a composition before or after their last input event. */
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
    const keysym = keys[pressedKey(event)];
    if (keysym === undefined) return;
    event.preventDefault();
    send(keysym, event.code);
  });
  field.addEventListener('input', (event) => {
    const { isComposing, inputType } = event as InputEvent;
    if (isComposing) return;
    if (inputType === 'deleteContentBackward') send(backspace, 'Backspace');
    else if (inputType === 'insertLineBreak') send(enter, 'Enter');
    else sendText();
    reset();
  });
  field.addEventListener('compositionend', sendText);
}

/**
 * Handles keys on the screen before noVNC does. Ctrl+V and its like: the text of this computer's clipboard is put on the
 * desktop's, then the key is pressed there; noVNC would prevent the browser from pasting. Keys of characters with two code
 * units, such as emoji, which noVNC ignores.
 */
export function followKeys(desktop: () => Desktop | undefined): void {
  let key: ReturnType<typeof pasteKey>;
  const isOnScreen = () => document.activeElement?.tagName === 'CANVAS';
  addEventListener(
    'keydown',
    (event) => {
      const target = isOnScreen() ? desktop() : undefined;
      key = target?.clipboard ? pasteKey(event) : undefined;
      const isWide = event.key.length > 1 && [...event.key].length === 1;
      if (key || (target && isWide)) event.stopImmediatePropagation();
      if (isWide) target?.rfb.sendKey(toKeysym(event.key), '');
    },
    true,
  );
  addEventListener('paste', (event) => {
    const target = desktop()?.rfb;
    if (!key || !target || !isOnScreen()) return;
    event.preventDefault();
    const text = event.clipboardData?.getData('text/plain') ?? '';
    if (text !== '') target.clipboardPasteFrom(text);
    if (!key.isCommand) return target.sendKey(key.keysym, key.code);
    dispatchEvent(new Event('blur')); // noVNC then releases the command key, which means another key there
    target.sendKey(control, 'ControlLeft', true);
    target.sendKey(key.keysym, key.code);
    target.sendKey(control, 'ControlLeft', false);
  });
}
interface Desktop {
  readonly rfb: {
    clipboardPasteFrom(text: string): void;
    sendKey(keysym: number, code: string, isDown?: boolean): void;
  };
  /** Whether the clipboard passes. */
  readonly clipboard: boolean;
}
function pasteKey({ code, ctrlKey, metaKey, shiftKey, altKey }: KeyboardEvent) {
  if (code === 'KeyV' && (ctrlKey || metaKey) && !altKey)
    return { keysym: shiftKey ? 0x56 : 0x76, code, isCommand: metaKey };
  return code === 'Insert' && shiftKey && !ctrlKey && !altKey ? { keysym: 0xff63, code, isCommand: false } : undefined;
}
