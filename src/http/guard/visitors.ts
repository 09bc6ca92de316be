import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestOriginKind } from '../../auth/browser-headers.ts';
import { formatSetCookie, readCookie } from '../../auth/sign-in/cookies.ts';
import type { DeviceRegistry } from '../../auth/sign-in/devices.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { RemoteClient } from './clients.ts';
import type { ProxyAuthenticator } from './identity-proxy.ts';

type Request = Pick<FastifyRequest, 'headers' | 'client' | 'method' | 'raw'>;

interface Deps {
  readonly devices: DeviceRegistry;
  readonly proxy?: ProxyAuthenticator | undefined;
  readonly pageUrl: string | undefined;
  /** Lifetime of the session cookie, in seconds. */
  readonly seconds: number;
  readonly within: (caller: Principal) => Principal;
}

/** Accepts only requests from the server's own page: browsers also send the cookie with other pages' requests. */
export class BrowserAuthenticator extends ServerComponent<Deps> {
  isSecure = ({ scheme }: Pick<RemoteClient, 'scheme'>): boolean =>
    scheme === 'https' || (this.deps.pageUrl?.startsWith('https:') ?? false);

  baseOf = ({ headers, client }: Request): string =>
    this.deps.pageUrl === undefined
      ? `${this.isSecure(client) ? 'https' : 'http'}://${headers.host}`
      : new URL(this.deps.pageUrl).origin;

  setCookie = (value: string | undefined, client: RemoteClient): string =>
    formatSetCookie('session', { value, seconds: this.deps.seconds, isSecure: this.isSecure(client) });

  find(request: Request, page: RequestOriginKind): Principal | undefined {
    if (page !== 'own' || !isOwn(request)) return undefined;
    const secret = this.#secretOf(request);
    const { proxy, devices, within } = this.deps;
    const found = proxy?.find(request.raw) ?? (secret === undefined ? undefined : devices.find([secret], 'browser'));
    return found && within(found);
  }

  prepare(request: Request, reply: FastifyReply): Promise<void> | undefined {
    const { devices, proxy } = this.deps;
    const prepared = proxy?.prepare(request.raw);
    if (prepared) return prepared;
    const secret = this.#secretOf(request);
    if (secret === undefined) return undefined;
    if (devices.mayBeNew(secret)) return devices.load();
    const id = secret.split('_', 2)[1] ?? '';
    if (!devices.isOld(id) || !devices.find([secret], 'browser') || request.headers.upgrade !== undefined)
      return undefined;
    return devices.rotate(id).then(
      (next) => void (next !== undefined && reply.header('set-cookie', this.setCookie(next, request.client))),
      () => {}, // if the store fails, the browser keeps the old cookie
    );
  }

  follow(principal: Principal, { raw }: FastifyReply): void {
    if (principal.person !== undefined) raw.once('close', this.deps.devices.opened(principal));
  }

  #secretOf = ({ headers, client }: Request): string | undefined =>
    readCookie(headers.cookie, 'session', this.isSecure(client));
}

/** `find` has already refused other origins. Browsers send an origin with every write and WebSocket upgrade. */
const isOwn = ({ method, headers }: Request): boolean =>
  (['GET', 'HEAD'].includes(method) && headers.upgrade === undefined) ||
  headers.origin !== undefined ||
  headers['sec-fetch-site'] === 'same-origin';
