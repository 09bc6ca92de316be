import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { previewQueryParameter } from '../../api/procedure/preview-links.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { PreviewTarget } from '../../sessions/api/ports.ts';
import { parsePreviewTokens, withoutPreviewCookies } from '../shared/previews/cookies.ts';

/** `headers` and `url` can contain this server's credentials, which must not reach the program. */
export interface MatchedPreview {
  readonly sid: SessionId;
  readonly of: PreviewTarget;
  /** False if the preview is served under a path of this server, with a sandboxed (opaque) origin. */
  readonly byHost: boolean;
  /** Without the preview's token. */
  readonly url: string;
  /** In order of precedence. */
  readonly tokens: readonly string[];
  /** Whether the address contains a token, which is then the first of `tokens`. */
  readonly isShown: boolean;
  readonly headers: IncomingHttpHeaders;
}

export const internalPreviewPath = '/previews/-';
const byPath = /^\/previews\/(?:(\d{1,5})|files)-([0-9a-f]{16})\/([^/?]{1,100})(\/[^?]*)?(\?.*)?$/;
const label = /^(\d{1,5})-([0-9a-f]{16})$/;
/** Headers that this server's own hooks must not see. */
const hidden = ['authorization', 'content-encoding', 'origin', 'sec-fetch-site', 'content-type'] as const;

export class PreviewMatcher {
  readonly #domain: string;
  /** Whether another facade uses the same host names for requests without a preview token. */
  readonly #sharesNames: () => boolean;
  readonly #found = new WeakMap<IncomingMessage, MatchedPreview>();

  constructor(domain: string, sharesNames: () => boolean) {
    this.#domain = domain.toLowerCase();
    this.#sharesNames = sharesNames;
  }

  of = (request: IncomingMessage): MatchedPreview | undefined => this.#found.get(request);
  answersTo = (request: IncomingMessage): boolean => this.of(request)?.byHost ?? false;
  isForProgram = (request: IncomingMessage): boolean => this.of(request) !== undefined;

  rewrite = (request: IncomingMessage): boolean => {
    const target = this.#byHost(request) ?? this.#byPath(request);
    if (!target) return false;
    this.#found.set(request, target);
    for (const header of hidden) delete request.headers[header];
    request.url = internalPreviewPath;
    return true;
  };

  #byHost({ headers, url = '/' }: IncomingMessage): MatchedPreview | undefined {
    const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    if (!name.endsWith(`.${this.#domain}`)) return undefined;
    const [, port, sid] = label.exec(name.slice(0, -this.#domain.length - 1)) ?? [];
    if (!isPort(port) || sid === undefined) return undefined;
    const { rest, token } = withoutToken(url);
    const kept = parsePreviewTokens(headers.cookie);
    const tokens = token === undefined ? kept : [token, ...kept];
    if (tokens.length === 0 && this.#sharesNames()) return undefined;
    return {
      sid: SessionId.parse(sid),
      of: Number(port),
      byHost: true,
      url: rest,
      tokens,
      isShown: token !== undefined,
      headers: { ...headers, cookie: withoutPreviewCookies(headers.cookie) },
    };
  }

  #byPath({ headers, url = '/' }: IncomingMessage): MatchedPreview | undefined {
    const [, port, sid, token = '', path = '', query = ''] = byPath.exec(url) ?? [];
    if (sid === undefined || (port !== undefined && !isPort(port))) return undefined;
    const of = port === undefined ? ('files' as const) : Number(port);
    const rest = `${path}${query}`;
    return {
      sid: SessionId.parse(sid),
      of,
      byHost: false,
      url: rest,
      tokens: [token],
      isShown: true,
      headers: { ...headers },
    };
  }
}

const isPort = (text: string | undefined): text is string =>
  text !== undefined && Number(text) >= 1 && Number(text) <= 65_535;

/** Leaves the rest of the URL unchanged, because programs may sign or compare URLs. */
function withoutToken(url: string): { readonly rest: string; readonly token: string | undefined } {
  const at = url.indexOf('?');
  if (at < 0) return { rest: url, token: undefined };
  let token: string | undefined;
  const kept = url
    .slice(at + 1)
    .split('&')
    .filter((part) => {
      if (!part.startsWith(`${previewQueryParameter}=`)) return true;
      token = part.slice(previewQueryParameter.length + 1);
      return false;
    });
  return { rest: kept.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${kept.join('&')}`, token };
}
