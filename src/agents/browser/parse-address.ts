/** Parses the address that a model gave; `no` is the reason why it cannot be opened. */
export function addressOf(given: string, workdir: string): { url: string } | { no: string } {
  const text = given.trim();
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\])([:/]|$)/i.test(text);
  const isHost = /^[\w.-]+:\d+([/?#]|$)/.test(text) && !/^(about|blob|chrome|data|file|javascript):/i.test(text);
  const hasScheme = /^[a-z][a-z0-9+.-]*:/i.test(text) && !isHost;
  const url = parse(isLocal ? `http://${text}` : hasScheme ? text : `https://${text}`);
  if (!url) return { no: `${JSON.stringify(given.slice(0, 200))} is not an address.` };
  if (/^(https?|about|data|chrome):$/.test(url.protocol)) return { url: url.href };
  if (url.protocol !== 'file:') return { no: `The browser opens no ${url.protocol} addresses.` };
  const path = decode(url.pathname);
  if (path !== undefined && (path === workdir || path.startsWith(`${workdir}/`))) return { url: url.href };
  return { no: `Files outside ${workdir} are not opened in the browser; read them with file_read.` };
}

const parse = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
