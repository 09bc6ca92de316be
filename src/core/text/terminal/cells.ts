// Counts cells as the web UI's terminal does.

const wide =
  /[[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Script=Nushu}\uFE0F\u2329\u232A\u2FF0-\u303E\u3099-\u30FF\u3190-\u4DBF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{1F200}-\u{1F265}]--[\p{Regional_Indicator}\u02EA\u02EB\u1160-\u11FF\u3248-\u324F\uD7B0-\uD7FF\uFF61-\uFFDC]]/v;
const flagLetter = /^\p{Regional_Indicator}$/u;
const flag = /.\p{Regional_Indicator}/u;
/** Accents, joiners, skin tones, tags, and the Thai and Lao vowels that follow a consonant. */
const continuing =
  /^[[\p{M}\p{Emoji_Modifier}\u200C\u200D\u0E33\u0EB3\u{E0020}-\u{E007F}]--[\u102B\u102C\u1038\u1062-\u1064\u1067-\u106D\u1083\u1087-\u108C\u108F\u109A-\u109C\u1A61\u1A63\u1A64\uAA7B\uAA7D\u{11720}\u{11721}]]/v;
/** Arabic and Syriac signs that enclose the next character. */
const enclosing = /[\u0600-\u0605\u06DD\u070F\u0890\u0891\u08E2]$/;
/** Includes dingbats that are pictographs in the terminal's older Unicode version. */
const pictograph = /[\p{Extended_Pictographic}\u2701-\u2767]/u;
/** Hangul letters: an initial, vowels and finals form a syllable. */
const initial = /[\u1100-\u115F\uA960-\uA97C]$/;
const afterInitial = /^[\u1100-\u11A7\uA960-\uA97C\uAC00-\uD7A3\uD7B0-\uD7C6]/;
const vowel = /[\u1160-\u11A7\uD7B0-\uD7C6]$/;
const final = /[\u11A8-\u11FF\uD7CB-\uD7FB]$/;

const continuesSyllable = (cell: string, next: string) =>
  (initial.test(cell) && afterInitial.test(next)) ||
  (vowel.test(next) && vowel.test(cell.normalize('NFD'))) ||
  (final.test(next) && [vowel, final].some((letter) => letter.test(cell.normalize('NFD'))));

/** In UTF-16 code units. Needed because programs can stack any number of combining marks in one cell. */
const maxUnits = 64;

export const joinsCell = (cell: string, next: string): boolean =>
  cell !== '' &&
  (next > '\u02FF' || cell > '\u05FF') &&
  cell.length < maxUnits &&
  (continuing.test(next) ||
    enclosing.test(cell) ||
    (flagLetter.test(cell) && flagLetter.test(next)) ||
    (cell.endsWith('\u200D') && pictograph.test(next)) ||
    continuesSyllable(cell, next));

export const countCharacterCells = (cell: string): 1 | 2 =>
  (cell.length > 1 || cell > '\u02FF') && (wide.test(cell) || flag.test(cell)) ? 2 : 1;

export function countLineCells(line: string): number {
  let [cells, cell] = [0, ''];
  for (const char of line) {
    if (joinsCell(cell, char)) cell += char;
    else {
      if (cell !== '') cells += countCharacterCells(cell);
      cell = char;
    }
  }
  return cell === '' ? cells : cells + countCharacterCells(cell);
}

export const padLineToCells = (line: string, cells: number): string =>
  line + ' '.repeat(Math.max(0, cells - countLineCells(line)));
