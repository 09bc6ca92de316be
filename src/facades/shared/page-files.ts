/** The files that `scripts/bundle-page.ts` builds for browsers. */
export interface PageFiles {
  /** The files of the page by name; `index.html` names the others. */
  readonly byName: ReadonlyMap<string, Uint8Array>;
  /** The folder with the scripts and styles of `/docs` and `/redoc`. They are too large to keep in memory. */
  readonly apiDocs: URL;
}
