/** The key code while an input method handles a key. Safari ends the composition first, so its `isComposing` is false. */
const handledByInputMethod = 229;

/**
 * The key of a keydown event; empty while an input method is composing, because the key then belongs to the input
 * method.
 */
export const pressedKey = (event: Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode'>): string =>
  event.isComposing || event.keyCode === handledByInputMethod ? '' : event.key;
