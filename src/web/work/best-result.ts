import type { ChangedFile } from '../data/items.ts';

export const resultFilePatterns = [/\.html?$/i, /\.(svg|png|jpe?g|gif|webp)$/i, /\.pdf$/i] as const;

export function findBestResult(files: readonly ChangedFile[], answer: string): string | undefined {
  const paths = files.filter(({ change }) => change !== 'deleted').map(({ path }) => path);
  for (const kind of resultFilePatterns) {
    const found = paths.filter((path) => kind.test(path));
    const named = found.find((path) => answer.includes(path));
    if (named ?? found[0]) return named ?? found[0];
  }
  return undefined;
}

/** `/` for index pages and for pages in folders. */
export const toPreviewPath = (file: string): string =>
  file.includes('/') || /^index\.html?$/i.test(file) ? '/' : `/${file}`;
