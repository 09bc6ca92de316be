import { type IncomingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RelayFailure } from '../shared/previews/port-relay.ts';

export interface PreviewErrorPage {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  readonly de: { readonly title: string; readonly text: string };
  readonly again?: true;
}
export const previewErrorPages = {
  closed: {
    status: 401,
    title: 'This preview is closed',
    text: 'The address has expired, was closed, or is incomplete. Open the preview again from its session, or ask the person who shared it.',
    de: {
      title: 'Diese Vorschau ist geschlossen',
      text: 'Die Adresse ist abgelaufen, wurde geschlossen oder ist unvollständig. Öffnen Sie die Vorschau erneut aus ihrer Sitzung, oder fragen Sie die Person, die sie geteilt hat.',
    },
  },
  locked: {
    status: 429,
    title: 'Too many wrong addresses',
    text: 'Too many wrong credentials came from your address. Try again in a minute.',
    de: {
      title: 'Zu viele falsche Adressen',
      text: 'Von Ihrer Adresse kamen zu viele falsche Zugangsdaten. Versuchen Sie es in einer Minute erneut.',
    },
  },
  busy: {
    status: 429,
    title: 'Too many requests',
    text: 'This preview received too many requests. Try again in a minute.',
    de: {
      title: 'Zu viele Anfragen',
      text: 'Diese Vorschau hat zu viele Anfragen erhalten. Versuchen Sie es in einer Minute erneut.',
    },
  },
  resting: {
    status: 503,
    title: 'The sandbox is not running',
    text: 'A preview does not start a sandbox. Resume it in the session, or give the session a task; this page then shows the preview.',
    de: {
      title: 'Die Sandbox läuft nicht',
      text: 'Eine Vorschau startet keine Sandbox. Setzen Sie die Sandbox in der Sitzung fort, oder geben Sie der Sitzung eine Aufgabe; danach zeigt diese Seite die Vorschau.',
    },
    again: true,
  },
  foreign: {
    status: 403,
    title: 'Refused',
    text: 'A page of another origin may not connect to this preview.',
    de: {
      title: 'Abgelehnt',
      text: 'Eine Seite anderer Herkunft darf sich nicht mit dieser Vorschau verbinden.',
    },
  },
  worker: {
    status: 403,
    title: 'Refused',
    text: 'A preview under a path has no service workers. Set CORRAL_PREVIEWS_DOMAIN.',
    de: {
      title: 'Abgelehnt',
      text: 'Eine Vorschau unter einem Pfad hat keine Service Worker. Setzen Sie CORRAL_PREVIEWS_DOMAIN.',
    },
  },
  noFile: {
    status: 404,
    title: 'No such file',
    text: 'The workspace has no such file, or it is hidden.',
    de: {
      title: 'Diese Datei gibt es nicht',
      text: 'Der Arbeitsbereich enthält keine solche Datei, oder sie ist verborgen.',
    },
  },
} satisfies Record<string, PreviewErrorPage>;

export const createNoListenerPage = (port: number): PreviewErrorPage => ({
  status: 502,
  title: `Nothing answers on port ${port}`,
  text: 'The program has not started yet, or it ended. Ask the agent to start it, or start it in the terminal; this page reloads automatically.',
  de: {
    title: `Auf Port ${port} antwortet nichts`,
    text: 'Das Programm ist noch nicht gestartet oder wurde beendet. Bitten Sie den Agenten, es zu starten, oder starten Sie es im Terminal; diese Seite lädt von selbst neu.',
  },
  again: true,
});
const noHttp = (port: number): PreviewErrorPage => ({
  status: 502,
  title: `The program on port ${port} does not speak HTTP`,
  text: 'A preview needs plain HTTP, without TLS. If the program has a setting for HTTPS, turn it off.',
  de: {
    title: `Das Programm auf Port ${port} spricht kein HTTP`,
    text: 'Eine Vorschau braucht einfaches HTTP ohne TLS. Hat das Programm eine Einstellung für HTTPS, schalten Sie sie aus.',
  },
});
export const createRelayFailurePage = (port: number, how: RelayFailure): PreviewErrorPage =>
  how === 'closed' ? createNoListenerPage(port) : noHttp(port);
export const createRefusedPortPage = (text: string): PreviewErrorPage => ({
  status: 403,
  title: 'This port is never opened',
  text,
  de: {
    title: 'Dieser Port wird nie geöffnet',
    text: 'Corral verwendet ihn selbst, oder nichts isoliert diese Sandbox.',
  },
});
export const createFailedPreviewPage = (text: string): PreviewErrorPage => ({
  status: 502,
  title: 'The preview failed',
  text,
  de: { title: 'Die Vorschau ist fehlgeschlagen', text: `Meldung des Servers: „${text}“` },
});

const prefersGerman = ({ 'accept-language': accepted = '' }: IncomingHttpHeaders): boolean => {
  const known = [...accepted.matchAll(/(?:^|,)\s*(de|en)\b[^,;]*(?:;\s*q=([\d.]+))?/gi)];
  const [best] = known.sort(([, , one = 1], [, , other = 1]) => Number(other) - Number(one));
  return best?.[1]?.toLowerCase() === 'de';
};
const wantsPage = (headers: IncomingHttpHeaders) => headers.accept?.includes('text/html') ?? false;
const style =
  ':root{color-scheme:light dark;background:Canvas;color:CanvasText}body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1rem}h1{font-size:1.25rem}';

export function sendPreviewErrorPage(
  response: ServerResponse,
  headers: IncomingHttpHeaders,
  refusal: PreviewErrorPage,
): void {
  if (response.headersSent) return void response.destroy();
  const { status, title, text, again = false } = refusal;
  const isPage = wantsPage(headers);
  const shown = prefersGerman(headers) ? { lang: 'de', again, ...refusal.de } : { lang: 'en', again, title, text };
  const body = isPage ? page(shown) : JSON.stringify({ detail: `${title}. ${text}` });
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
interface ShownPage {
  readonly lang: string;
  readonly title: string;
  readonly text: string;
  readonly again: boolean;
}
const page = ({ lang, title, text, again }: ShownPage) =>
  `<!doctype html><html lang="${lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">${
    again ? '<meta http-equiv="refresh" content="2">' : ''
  }<title>${escaped(title)}</title><style>${style}</style><main><h1>${escaped(title)}</h1><p>${escaped(text)}</p></main></html>`;
