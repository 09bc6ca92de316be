import { foldText } from '../../parts/word-search.ts';

const maxLetters = 100; // characters
const startsOfWords = /[/\\._\- ]/;

/** Undefined if `name` does not contain the letters of `target` in order. */
export function computeFuzzyScore(name: string, target: string): number | undefined {
  const [text, letters] = [foldText(name), foldText(target).replace(/\s+/g, '').slice(0, maxLetters)];
  if (letters === '') return 0;
  const together = text.lastIndexOf(letters);
  if (together >= 0) {
    const base = text.lastIndexOf('/') + 1;
    const begins = together === 0 || startsOfWords.test(text[together - 1] ?? '') ? 200 : 0;
    return 1_000 + begins + (together === base ? 200 : together > base ? 100 : 0) - text.length / 100;
  }
  let [at, score] = [text.length, 0];
  for (let n = letters.length - 1; n >= 0; n--) {
    const found = at === 0 ? -1 : text.lastIndexOf(letters[n] ?? '', at - 1);
    if (found < 0) return undefined;
    if (found === at - 1) score += 5;
    if (found === 0 || startsOfWords.test(text[found - 1] ?? '')) score += 8;
    at = found;
  }
  return score - text.length / 100;
}

/** Best first; ties keep their order. */
export function rankMatches<Value>(
  values: readonly Value[],
  target: string,
  { nameOf, max }: { readonly nameOf: (value: Value) => string; readonly max: number },
): Value[] {
  return values
    .flatMap((value) => {
      const score = computeFuzzyScore(nameOf(value), target);
      return score === undefined ? [] : [{ value, score }];
    })
    .sort((a, b) => b.score - a.score)
    .slice(0, max)
    .map(({ value }) => value);
}
