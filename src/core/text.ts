/** At most so many units of a text, and never half of a character that takes two: on a wire that would be no text. */
export const beginningOf = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '');
