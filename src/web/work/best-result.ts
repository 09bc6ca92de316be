// Which of the files that a run made is its result.

export const resultKinds = [/\.html?$/i, /\.(svg|png|jpe?g|gif|webp)$/i, /\.pdf$/i] as const;

/** The page or picture to show: one that the answer names, else the first. */
export function bestResult(paths: readonly string[], answer: string): string | undefined {
  for (const kind of resultKinds) {
    const found = paths.filter((path) => kind.test(path));
    const named = found.find((path) => answer.includes(path));
    if (named ?? found[0]) return named ?? found[0];
  }
  return undefined;
}

/** The path of a page at the server that the run started: servers show the index of a folder at its root. */
export const pathAtServer = (file: string): string =>
  file.includes('/') || /^index\.html?$/i.test(file) ? '/' : `/${file}`;
