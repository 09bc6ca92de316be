/** The built files of the page by name; `index.html` names the others. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;
