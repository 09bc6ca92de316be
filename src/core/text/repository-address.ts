/** A repository as a person writes it in one line: its URL, and behind a # its branch, tag or commit. */
export function parseRepository(text: string): { readonly url: string; readonly ref?: string } {
  const [url = '', ...rest] = text.trim().split('#');
  const ref = rest.join('#');
  return ref === '' ? { url } : { url, ref };
}
