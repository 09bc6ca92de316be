import type { Connection } from './connection.ts';
import type { Outputs } from './types.ts';

export type ListeningPort = Outputs['ports']['list'][number];
export type Preview = Outputs['ports']['open'];
export interface PreviewOptions {
  /** Lifetime of the address; default: 8 hours. */
  readonly minutes?: number;
}

/** Opens a preview and makes its `url` absolute. */
export async function openPreview(
  server: Pick<Connection, 'address' | 'call'>,
  sessionId: string,
  { of, minutes }: PreviewOptions & { readonly of: Preview['of'] },
): Promise<Preview> {
  const requested = { sessionId, of, ...(minutes !== undefined && { minutes }) };
  return resolvePreviewUrl(server, await server.call((api) => api.ports.open.mutate(requested)));
}

export const resolvePreviewUrl = ({ address }: Pick<Connection, 'address'>, preview: Preview): Preview => ({
  ...preview,
  url: new URL(preview.url, `${address}/`).href,
});

/** The preview opens on first use and lasts for 8 hours by default. */
export class Port {
  readonly number: number;
  readonly #server: Connection;
  readonly #sessionId: string;
  #opened: Promise<Preview> | undefined;

  constructor(server: Connection, sessionId: string, number: number) {
    this.#server = server;
    this.#sessionId = sessionId;
    this.number = number;
  }

  /** Opens the preview. Later calls return the same preview until it is closed. */
  open(options: PreviewOptions = {}): Promise<Preview> {
    this.#opened ??= openPreview(this.#server, this.#sessionId, { of: this.number, ...options });
    this.#opened.catch(() => {
      this.#opened = undefined;
    });
    return this.#opened;
  }

  /** The secret address for browsers. */
  get url(): Promise<string> {
    return this.open().then(({ url }) => url);
  }

  /** Resolves with the program's response, 502 (no program is listening) or 503 (the sandbox is not running). */
  async fetch(path = '/', init: RequestInit = {}): Promise<Response> {
    const { path: base } = await this.open();
    // Sent without the server's token, which a program in a sandbox must not see.
    return await fetch(`${this.#server.address}${base}${path.replace(/^\/+/, '')}`, init);
  }

  /** Closes the preview and every connection through its address. */
  async close(): Promise<void> {
    const opened = await this.#opened;
    this.#opened = undefined;
    if (!opened) return;
    await this.#server.call((api) => api.ports.close.mutate({ sessionId: this.#sessionId, id: opened.id }));
  }
}
