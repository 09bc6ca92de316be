// Cells as the terminal of the page counts them: every character of a screen takes one or two.

const wide =
  /[[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Script=Nushu}\p{Script=Khitan_Small_Script}\uFE0F\u2329\u232A\u2FF0-\u303E\u3099-\u30FF\u3190-\u4DBF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F200}-\u{1F265}]--[\p{Regional_Indicator}\u02EA\u02EB\u1160-\u11FF\u3248-\u324F\uD7B0-\uD7FF\uFF61-\uFFDC]]/v;
const flag = /^\p{Regional_Indicator}{2}/u;
/** Accents, joiners, skin tones, tags, and the vowels of Thai and Lao that follow their consonant. */
const continuing = /^[\p{M}\p{Emoji_Modifier}\u200C\u200D\u0E33\u0EB3\u{E0020}-\u{E007F}]/v;
/** Signs of Arabic and Syriac that enclose the next character. */
const enclosing = /[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2]$/;
const initial = '[\\u1100-\\u115F\\uA960-\\uA97C]';
const syllable = '[\\uAC00-\\uD7A3]';
const later = '[\\u1160-\\u11FF\\uD7B0-\\uD7FB]';
/** Two characters that are shown as one: a flag, a sequence of emoji, a syllable of Hangul. */
const pair = new RegExp(
  `^(?:\\p{RI}{2}|.*\\p{ExtPict}.*\\u200D\\p{ExtPict}|.*${initial}(?:${initial}|${syllable}|${later})|.*(?:${syllable}|${later})${later})$`,
  'su',
);
/** A screen shows no more in one cell, and programs may send any number of accents. */
const maxUnits = 64;

/** Whether a terminal shows the next character within the cell of the one before. */
export const sharesCell = (cell: string, next: string): boolean =>
  cell !== '' &&
  (next > '\u02FF' || cell > '\u05FF') &&
  cell.length < maxUnits &&
  (continuing.test(next) || enclosing.test(cell) || pair.test(cell + next));

/** The cells that a character takes with all that share them. */
export const cellsOf = (cell: string): 1 | 2 =>
  (cell.length > 1 || cell > '\u02FF') && (wide.test(cell) || flag.test(cell)) ? 2 : 1;
