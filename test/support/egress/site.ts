import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { httpServer } from '../servers/http-server.ts';

export interface Answer {
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  /** Sends the body again and again, until the client disconnects. */
  readonly endless?: boolean;
  readonly body?: string | Buffer;
}
export interface Site extends AsyncDisposable {
  readonly url: string;
  /** The requests so far, with the fields of their forms. */
  readonly seen: { readonly path: string; readonly form: Readonly<Record<string, string>> }[];
}

/** A web site on loopback; a page can be just its HTML. */
export async function site(pages: Readonly<Record<string, string | Answer>>): Promise<Site> {
  const seen: Site['seen'] = [];
  const server = await httpServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
    const posted =
      request.method === 'POST' ? new URLSearchParams(await text(request as IncomingMessage)) : searchParams;
    seen.push({ path: pathname, form: Object.fromEntries(posted) });
    const page = pages[pathname];
    if (page === undefined)
      return void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>No page</h1>');
    const {
      type = 'text/html; charset=utf-8',
      headers = {},
      status = 200,
      endless,
      body = '',
    } = typeof page === 'string' ? { body: page } : page;
    response.writeHead(status, { 'content-type': type, ...headers });
    if (!endless) return void response.end(body);
    const piece = Buffer.alloc(64 * 1024);
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on('drain', more);
    more();
  });
  return { ...server, seen };
}
