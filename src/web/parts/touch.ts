/** On-screen keyboards need Enter for new lines, and cover half of the page. */
export const isTouchDevice = (): boolean => matchMedia('(pointer: coarse)').matches;
