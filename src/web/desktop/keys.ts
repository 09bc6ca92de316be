// A phone's keyboard writes into a text field; each character becomes key events of the desktop.

const backspace = 0xff08;
const named = { Enter: 0xff0d, Backspace: backspace, Tab: 0xff09, Escape: 0xff1b, Delete: 0xffff };
const arrows = { ArrowLeft: 0xff51, ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54 };
const keys: Readonly<Record<string, number>> = { ...named, ...arrows };
/** Stands in the field, so that a phone's delete key has an effect. */
const filler = '\u2007';

/** X's keysym of a character: its code in Latin-1, else its Unicode number with a marker bit. */
function keysymOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x0100_0000 | point;
}

/** `code` is a browser's name of the key, empty for a character that came without one. */
export function typeInto(field: HTMLTextAreaElement, send: (keysym: number, code: string) => void): void {
  const reset = () => {
    field.value = filler;
    field.setSelectionRange(1, 1);
  };
  const sendText = (text: string) => {
    for (const character of text) send(keysymOf(character), '');
  };
  reset();
  field.addEventListener('focus', reset);
  field.addEventListener('keydown', (event) => {
    const keysym = keys[event.key];
    if (keysym === undefined || event.isComposing) return;
    event.preventDefault();
    send(keysym, event.code);
  });
  field.addEventListener('input', (event) => {
    const { isComposing, inputType } = event as InputEvent;
    if (isComposing) return;
    if (inputType === 'deleteContentBackward') send(backspace, 'Backspace');
    else if (inputType === 'insertLineBreak') send(named.Enter, 'Enter');
    else sendText(field.value.replace(filler, ''));
    reset();
  });
  field.addEventListener('compositionend', ({ data }) => {
    sendText(data);
    reset();
  });
}
