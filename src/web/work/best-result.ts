// Decides which of a run's files is its result.

export const resultFilePatterns = [/\.html?$/i, /\.(svg|png|jpe?g|gif|webp)$/i, /\.pdf$/i] as const;

/**
 * The file to show: a page before an image, an image before a PDF. Within a kind, the file that the answer names, or
 * else the first.
 */
export function findBestResult(paths: readonly string[], answer: string): string | undefined {
  for (const kind of resultFilePatterns) {
    const found = paths.filter((path) => kind.test(path));
    const named = found.find((path) => answer.includes(path));
    if (named ?? found[0]) return named ?? found[0];
  }
  return undefined;
}

/** The path of a page on the server that the run started. Servers show a folder's index at its root. */
export const toServerPath = (file: string): string =>
  file.includes('/') || /^index\.html?$/i.test(file) ? '/' : `/${file}`;
