/** Accepts a URL, optionally followed by # and a branch, tag or commit. */
export function parseRepository(text: string): { readonly url: string; readonly ref?: string } {
  const [url = '', ...rest] = text.trim().split('#');
  const ref = rest.join('#');
  return ref === '' ? { url } : { url, ref };
}
