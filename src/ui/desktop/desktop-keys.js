// A phone's keyboard writes into a text field; each character becomes key events of the desktop.

const named = { Enter: 0xff0d, Backspace: 0xff08, Tab: 0xff09, Escape: 0xff1b, Delete: 0xffff };
const arrows = { ArrowLeft: 0xff51, ArrowUp: 0xff52, ArrowRight: 0xff53, ArrowDown: 0xff54 };
const keys = { ...named, ...arrows };

/** X's keysym of a character: its code in Latin-1, else its Unicode number with a marker bit. */
export const keysymOf = (character) => {
  const point = character.codePointAt(0);
  return point < 0x100 ? point : 0x0100_0000 | point;
};

/** Keeps one character in the field, so that a phone's delete key has an effect. */
export function typeInto(field, send) {
  const reset = () => {
    field.value = '\u2007';
    field.setSelectionRange(1, 1);
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
    if (event.isComposing) return;
    if (event.inputType === 'deleteContentBackward') send(keys.Backspace, 'Backspace');
    else if (event.inputType === 'insertLineBreak') send(keys.Enter, 'Enter');
    else for (const character of field.value.replace('\u2007', '')) send(keysymOf(character), '');
    reset();
  });
  field.addEventListener('compositionend', ({ data }) => {
    for (const character of data) send(keysymOf(character), '');
    reset();
  });
}
