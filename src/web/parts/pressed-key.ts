/** The key code while an input method handles a key. In Safari, `isComposing` is already false then. */
const handledByInputMethod = 229;

/**
 * The key of a keydown event; empty while an input method is composing, because the key then belongs to the input
 * method.
 */
export const pressedKey = (event: Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode'>): string =>
  event.isComposing || event.keyCode === handledByInputMethod ? '' : event.key;
