import { createHash, timingSafeEqual } from 'node:crypto';
import type { Peppers } from '../../auth/pepper.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { adminPrincipal, type Principal } from '../../core/model/principal.ts';
import type { CallerCredentialRegistry } from '../../http/guard/credentials.ts';
import type { PreviewView } from '../../sessions/api/ports.ts';

export const previewQueryParameter = 'corral_preview';

export interface PreviewSettings {
  /** All names under the domain must resolve to this server. If undefined, previews use localhost. */
  readonly domain?: string | undefined;
  readonly maxHours: number;
}
export interface RequestAddress {
  readonly host: string | undefined;
  readonly scheme: 'http' | 'https';
}
export interface PreviewAddress {
  /** Absolute if the port's host name is known to resolve; otherwise equal to `path`. */
  readonly url: string;
  /** Opens the preview without its host name. Pages under this path are sandboxed. */
  readonly path: string;
}
/** Tokens work on every server, and expire with the opener's credential. */
export interface PreviewLinks {
  createAddress(id: SessionId, view: PreviewView, reached: RequestAddress): Promise<PreviewAddress>;
  /** Undefined if the token is wrong or the opener's credential is no longer valid. */
  findMaker(id: SessionId, view: PreviewView, token: string): Promise<Principal | undefined>;
  /** Default: 8 hours, or the maximum if shorter. Throws invalid_request above the maximum. */
  lifeMs(minutes: number | undefined): number;
  /** The parent domain of preview host names such as `<port>-<session>.<domain>`, without a scheme or port. */
  readonly domain: string;
  schemeOf(reached: 'http' | 'https'): 'http' | 'https';
  /** The origins that the page's content security policy allows in frames. */
  readonly frames: string;
}
interface Deps {
  readonly settings: PreviewSettings;
  readonly peppers: () => Promise<Pick<Peppers, 'hash'>>;
  readonly credentials: Pick<CallerCredentialRegistry, 'serverSeal' | 'live'>;
}
export const previewTokenPattern = /^([0-9a-f]{12})\.[\w-]{43}$/;
export const previewHostLabel = ({ of }: Pick<PreviewView, 'of'>, id: SessionId) => `${of}-${id}`;
const usualMinutes = 480;
const form = /^(?:(https?):\/\/)?([a-z0-9.-]+)(?::(\d{1,5}))?$/;
const loopback = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?$/i;

export function createPreviewLinks({ settings, peppers, credentials }: Deps): PreviewLinks {
  const [, scheme, name = 'localhost', port] = form.exec(settings.domain ?? '') ?? [];
  const base = settings.domain === undefined ? undefined : `${name}${port === undefined ? '' : `:${port}`}`;
  const usual = (scheme as 'http' | 'https' | undefined) ?? (/(^|\.)localhost$/.test(name) ? 'http' : 'https');

  async function signToken(id: SessionId, view: PreviewView): Promise<string> {
    const { id: preview, of, expiresAt, key = '' } = view;
    const seal = key === '' ? (credentials.serverSeal ?? '') : '';
    const signed = JSON.stringify(['preview', id, preview, of, expiresAt, key, seal]);
    return `${preview}.${(await peppers()).hash(signed).hash}`;
  }
  /** Browsers resolve subdomains of localhost to their own machine. */
  function nameOf({ host, scheme: reached }: RequestAddress): string | undefined {
    if (base !== undefined) return `${usual}://{}.${base}`;
    const local = loopback.exec(host ?? '');
    return local ? `${reached}://{}.localhost${local[1] === undefined ? '' : `:${local[1]}`}` : undefined;
  }
  return {
    lifeMs(minutes) {
      const most = settings.maxHours * 60;
      if ((minutes ?? 1) <= most) return Math.min(minutes ?? usualMinutes, most) * 60_000;
      throw new AppError(
        'invalid_request',
        `A preview lasts at most ${settings.maxHours} h (CORRAL_PREVIEWS_MAX_HOURS).`,
      );
    },
    domain: name,
    schemeOf: (reached) => (base === undefined ? reached : usual),
    frames: base === undefined ? 'http://*.localhost:* https://*.localhost:*' : `${usual}://*.${base}`,
    async createAddress(id, view, reached) {
      const token = await signToken(id, view);
      const path = `/previews/${previewHostLabel(view, id)}/${token}/`;
      const named = view.of === 'files' ? undefined : nameOf(reached);
      const url =
        named === undefined
          ? path
          : `${named.replace('{}', previewHostLabel(view, id))}/?${previewQueryParameter}=${token}`;
      return { url, path };
    },
    async findMaker(id, view, token) {
      const maker = view.key === undefined ? withoutKey(credentials) : credentials.live(view.key);
      return maker && same(token, await signToken(id, view)) ? actingBy(maker) : undefined;
    },
  };
}

const withoutKey = ({ serverSeal }: Pick<CallerCredentialRegistry, 'serverSeal'>) =>
  serverSeal === undefined ? undefined : adminPrincipal;

const known = new WeakMap<Principal, Principal>();
function actingBy(maker: Principal): Principal {
  const principal = known.get(maker) ?? { ...maker, by: 'preview' as const };
  known.set(maker, principal);
  return principal;
}

function same(value: string, target: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(value), digest(target));
}
