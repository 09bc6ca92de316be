const session = /^\/sessions\/([^/]+)\/desktop/.exec(location.pathname)?.[1] ?? '';
const api = `/api/v1/sessions/${session}`;
/** In the work pane, the page shows its controls on top of the screen. */
export const isInPane = new URLSearchParams(location.search).has('pane');
/** In another frame, the page shows only the screen. */
export const isInOtherFrame = window.parent !== window && !isInPane;
/** Signature of a signed link, used instead of the token. Null: no signed link. */
export const linkSignature = new URLSearchParams(location.hash.slice(1)).get('signature');
/** Sent with all of this viewer's connections, so the relay recognizes the viewer. */
const viewer =
  `page-${[...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join('')}`.slice(0, 40);

export const sessionPageUrl = `/#${session}`;
export const desktopRoute = `${api}/desktop`;

export function buildVncUrl(): string {
  const url = new URL(`${api}/vnc`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('notices', '1');
  if (isInOtherFrame) url.searchParams.set('view_only', '1');
  else url.searchParams.set('viewer', viewer);
  if (linkSignature) url.searchParams.set('signature', linkSignature);
  return url.href;
}
