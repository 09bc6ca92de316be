/** Folds case and accents. `Ubersicht` finds `Übersicht` in both Unicode forms. */
export const foldText = (text: string): string =>
  (/[^\0-\x7f]/.test(text) ? text.normalize('NFKD').replace(/\p{M}/gu, '') : text).toLowerCase();

export function createWordMatcher(search: string): (text: string) => boolean {
  const words = foldText(search).split(/\s+/).filter(Boolean);
  return (text) => {
    if (words.length === 0) return true;
    const target = foldText(text);
    return words.every((word) => target.includes(word));
  };
}
