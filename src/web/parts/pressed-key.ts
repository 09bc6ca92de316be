/** Key code of keys that an input method handles. Safari may already report `isComposing` as false for them. */
const handledByInputMethod = 229;

/** Empty while an input method composes text, because the input method handles the key. */
export const pressedKeyOf = (event: Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode'>): string =>
  event.isComposing || event.keyCode === handledByInputMethod ? '' : event.key;
