import { request as httpRequest } from 'node:http';
import WebSocket from 'ws';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
}

/** A browser without a page: it keeps cookies by origin, and follows redirects as its test directs. */
export class Visitor {
  readonly jar = new Map<string, Map<string, string>>();
  readonly #server: string;
  constructor(server: string) {
    this.#server = server;
  }

  cookiesOf = (origin: string): string =>
    [...(this.jar.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  /** Another browser with the same cookies. */
  clone(): Visitor {
    const copy = new Visitor(this.#server);
    for (const [origin, cookies] of this.jar) copy.jar.set(origin, new Map(cookies));
    return copy;
  }

  async go(
    to: string,
    { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> {
    const url = new URL(to, this.#server);
    const cookie = this.cookiesOf(url.origin);
    const own = url.origin === new URL(this.#server).origin && method !== 'GET' ? { origin: url.origin } : {};
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sent = httpRequest(
      url,
      { method, headers: { ...(cookie && { cookie }), ...own, ...headers } },
      (response) => {
        const cookies = response.headers['set-cookie'] ?? [];
        const jar = this.jar.get(url.origin) ?? new Map<string, string>();
        this.jar.set(url.origin, jar);
        for (const line of cookies) {
          const [pair = ''] = line.split(';', 1);
          const [name = '', ...value] = pair.split('=');
          if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name);
          else jar.set(name, value.join('='));
        }
        const { location } = response.headers;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), location, cookies }),
        );
      },
    );
    sent.on('error', reject).end(body);
    return await promise;
  }

  /** Follows each answer's redirect, until `stop` or a page. Resolves with the addresses. */
  async follow(to: string, stop: (url: string) => boolean = () => false): Promise<string[]> {
    const visited: string[] = [];
    for (let next: string | undefined = new URL(to, this.#server).href; next !== undefined; ) {
      visited.push(next);
      if (stop(next) || visited.length > 20) break;
      const { location } = await this.go(next);
      next = location === undefined ? undefined : new URL(location, next).href;
    }
    return visited;
  }

  /** Signs in, and resolves with the address of the page where the browser ends. */
  async signIn(provider = 'main', returnTo = '/'): Promise<string> {
    const visited = await this.follow(`/sign-in/${provider}?returnTo=${encodeURIComponent(returnTo)}`);
    return visited.at(-1) ?? '';
  }

  /** The procedure's answer, or its status. */
  async ask(procedure: string, input?: unknown, headers: Record<string, string> = {}): Promise<unknown> {
    const isChange = input !== undefined;
    const { status, text } = await this.go(`/trpc/${procedure}`, {
      headers,
      ...(isChange && { method: 'POST', body: JSON.stringify(input) }),
    });
    return status === 200 ? (JSON.parse(text) as { result: { data: unknown } }).result.data : status;
  }

  socket(path: string, headers: Record<string, string> = {}): WebSocket {
    const url = new URL(path, this.#server);
    const cookie = this.cookiesOf(url.origin);
    return new WebSocket(url.href.replace('http', 'ws'), { headers: { cookie, origin: url.origin, ...headers } });
  }
}
