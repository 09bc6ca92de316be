/**
 * Key code that browsers report for a key that an input method handles. In Safari, `isComposing` may already be false
 * for such a key.
 */
const handledByInputMethod = 229;

/** Empty while an input method composes text, because the input method handles the key. */
export const pressedKeyOf = (event: Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode'>): string =>
  event.isComposing || event.keyCode === handledByInputMethod ? '' : event.key;
