import { type IncomingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RelayFailure } from '../shared/previews/port-relay.ts';

export interface PreviewErrorPage {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  readonly again?: true;
}
export const previewErrorPages = {
  closed: {
    status: 401,
    title: 'This preview is closed',
    text: 'The address has expired, was closed, or is incomplete. Open the preview again from its session, or ask the person who shared it.',
  },
  locked: {
    status: 429,
    title: 'Too many wrong addresses',
    text: 'Too many wrong credentials came from your address. Try again in a minute.',
  },
  busy: {
    status: 429,
    title: 'Too many requests',
    text: 'This preview received too many requests. Try again in a minute.',
  },
  resting: {
    status: 503,
    title: 'The sandbox is not running',
    text: 'A preview does not start a sandbox. Resume it in the session, or give the session a task; this page then shows the preview.',
    again: true,
  },
  foreign: { status: 403, title: 'Refused', text: 'A page of another origin may not connect to this preview.' },
  worker: {
    status: 403,
    title: 'Refused',
    text: 'A preview under a path has no service workers. Set CORRAL_PREVIEWS_DOMAIN.',
  },
  noFile: { status: 404, title: 'No such file', text: 'The workspace has no such file, or it is hidden.' },
} satisfies Record<string, PreviewErrorPage>;

export const createNoListenerPage = (port: number): PreviewErrorPage => ({
  status: 502,
  title: `Nothing answers on port ${port}`,
  text: 'The program has not started yet, or it ended. Ask the agent to start it, or start it in the terminal; this page reloads automatically.',
  again: true,
});
const noHttp = (port: number): PreviewErrorPage => ({
  status: 502,
  title: `The program on port ${port} does not speak HTTP`,
  text: 'A preview needs plain HTTP, without TLS. If the program has a setting for HTTPS, turn it off.',
});
export const createRelayFailurePage = (port: number, how: RelayFailure): PreviewErrorPage =>
  how === 'closed' ? createNoListenerPage(port) : noHttp(port);
export const createRefusedPortPage = (text: string): PreviewErrorPage => ({
  status: 403,
  title: 'This port is never opened',
  text,
});

const wantsPage = (headers: IncomingHttpHeaders) => headers.accept?.includes('text/html') ?? false;
const style =
  ':root{color-scheme:light dark;background:Canvas;color:CanvasText}body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1rem}h1{font-size:1.25rem}';

export function sendPreviewErrorPage(
  response: ServerResponse,
  headers: IncomingHttpHeaders,
  refusal: PreviewErrorPage,
): void {
  if (response.headersSent) return void response.destroy();
  const { status, title, text, again } = refusal;
  const isPage = wantsPage(headers);
  const body = isPage ? page(title, text, again ?? false) : JSON.stringify({ detail: `${title}. ${text}` });
  response.writeHead(status, {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    // Browsers reload a sandboxed page only where scripts are allowed; `default-src` allows none.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-scripts",
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

export function refuseUpgrade(socket: Duplex, { status, title, text }: PreviewErrorPage): void {
  const body = JSON.stringify({ detail: `${title}. ${text}` });
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n${body}`);
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
const page = (title: string, text: string, asksAgain: boolean) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">${
    asksAgain ? '<meta http-equiv="refresh" content="2">' : ''
  }<title>${escaped(title)}</title><style>${style}</style><main><h1>${escaped(title)}</h1><p>${escaped(text)}</p></main></html>`;
