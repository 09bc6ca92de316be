/** Without a keyboard, Enter makes a new line, and a focused field covers half of the page with the keyboard on the screen. */
export const hasFingers = (): boolean => matchMedia('(pointer: coarse)').matches;
