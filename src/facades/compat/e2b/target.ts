import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface DataPlaneTarget {
  readonly sid: string | undefined;
  readonly port: number;
  /** Addressed as `<port>-<sid>.<domain>`, so that browsers need no extra headers. */
  readonly byHost: boolean;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}
export const envdPort = 49_983;
export const codeInterpreterPort = 49_999;

const control =
  /^\/(?:sandboxes|v2\/sandboxes|v2\/templates|v3\/templates|templates|snapshots|volumes|volumecontent|secrets|teams)(?=[/?]|$)/;
const toSandbox = '/e2b/data';
const hidden = ['authorization', 'content-encoding', 'origin', 'sec-fetch-site', 'content-type'] as const;

/** The server does not accept a volume's token as one of its own credentials. */
export const volumeTokenHeader = 'x-corral-volume-token';
function moveVolumeToken(headers: IncomingHttpHeaders): void {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  delete headers.authorization;
  if (token === undefined) delete headers[volumeTokenHeader];
  else headers[volumeTokenHeader] = token;
}

export class DataPlaneTargetResolver {
  readonly #domain: string;
  readonly #found = new WeakMap<IncomingMessage, DataPlaneTarget>();
  readonly #named = new WeakSet<IncomingMessage>();

  constructor(domain: string) {
    this.#domain = domain.toLowerCase();
  }

  of = (request: IncomingMessage): DataPlaneTarget | undefined => this.#found.get(request);

  answersTo = (request: IncomingMessage): boolean => this.#named.has(request);

  /**
   * True only if the host name selects the port, because a port selected by a header is served under the server's own
   * origin.
   */
  isForProgram = (request: IncomingMessage): boolean => {
    const { port, byHost = false } = this.of(request) ?? {};
    return byHost && port !== envdPort && port !== codeInterpreterPort;
  };

  rewrite = (request: IncomingMessage): boolean => {
    const { headers } = request;
    const url = (request.url ?? '/').replace(/^\/e2b(?=\/|$)/, '') || '/';
    const isPrefixed = url !== request.url;
    const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
    const below = name.endsWith(`.${this.#domain}`) ? name.slice(0, -this.#domain.length - 1) : undefined;
    const named = below === undefined ? null : /^(\d{1,5})-([0-9a-f]{16})$/.exec(below);
    const isControl = below === 'api';
    if (named || isControl || below === 'sandbox') this.#named.add(request);
    if (named) {
      return this.#lead(request, { sid: named[2], port: Number(named[1]), byHost: true, url });
    }
    const [sid, port] = [readHeader(headers, 'e2b-sandbox-id'), readHeader(headers, 'e2b-sandbox-port')];
    if (!isControl && (sid !== undefined || port !== undefined)) {
      const number = sid !== undefined && /^\d{1,5}$/.test(port ?? '') ? Number(port) : 0;
      return this.#lead(request, { sid, port: number, byHost: false, url });
    }
    if (!isControl && /^\/files\?(?:.*&)?signature=/.test(url)) {
      return this.#lead(request, { sid: undefined, port: envdPort, byHost: false, url });
    }
    if (below === 'sandbox') {
      return this.#lead(request, { sid: undefined, port: 0, byHost: false, url }); // refused: the request names no sandbox
    }
    if (isControl || isPrefixed || control.test(url)) {
      request.url = `/e2b${url}`;
      // `x-api-key` takes precedence, because older SDKs also send another credential of the same user.
      const key = readHeader(headers, 'x-api-key');
      if (key === undefined && url.startsWith('/volumecontent/')) moveVolumeToken(headers);
      if (key !== undefined) headers.authorization = `Bearer ${key}`;
      return true;
    }
    return false;
  };

  /** Hides from the common hooks the headers that are meant for the sandbox. */
  #lead(request: IncomingMessage, target: Omit<DataPlaneTarget, 'headers'>): true {
    const isPort = target.port >= 1 && target.port <= 65_535;
    if (isPort) this.#found.set(request, { ...target, headers: { ...request.headers } });
    for (const header of hidden) delete request.headers[header];
    request.url = toSandbox;
    return true;
  }
}

export function readHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const one = Array.isArray(value) ? value[0] : value;
  return one === '' ? undefined : one;
}
