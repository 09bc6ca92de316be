/** Key code of keys that an input method handles. Safari can report `isComposing` as false. */
const handledByInputMethod = 229;

/** Empty while an input method composes text, because the input method handles the key. */
export const pressedKeyOf = (event: Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode'>): string =>
  event.isComposing || event.keyCode === handledByInputMethod ? '' : event.key;
