import type { Connection } from './connection.ts';
import type { Outputs } from './types.ts';
import { type FileChange, type WatchOptions, watchFiles } from './watch.ts';

export type FileContent = string | Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;
export type FileEntry = Outputs['files']['list']['items'][number];

/** The files of a box. Paths are relative to its workspace, or absolute below it. */
export class Files {
  readonly #server: Connection;
  readonly #sessionId: string;

  constructor(server: Connection, sessionId: string) {
    this.#server = server;
    this.#sessionId = sessionId;
  }

  /** Writes a file of any size, and creates missing folders. The file takes its place whole, or not at all. */
  async write(path: string, content: FileContent, options: { signal?: AbortSignal } = {}): Promise<{ size: number }> {
    const init = { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, ...options };
    const response = await this.#server.request(this.#at(path), { ...init, ...(await sendable(bodyOf(content))) });
    return (await response.json()) as { size: number };
  }

  /** The whole file as text. */
  async read(path: string, options: { signal?: AbortSignal } = {}): Promise<string> {
    return new TextDecoder().decode(await this.bytes(path, options));
  }

  async bytes(path: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    const response = await this.#server.request(this.#at(path), options);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** A file of any size, piece by piece. A transfer that breaks is an error, not an early end. */
  async stream(
    path: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> }> {
    const { headers, body } = await this.#server.request(this.#at(path), options);
    return { size: Number(headers.get('content-length')), body: body ?? new Blob([]).stream() };
  }

  async list(path = '.'): Promise<FileEntry[]> {
    const { items } = await this.#server.call((api) => api.files.list.query({ sessionId: this.#sessionId, path }));
    return items;
  }

  /**
   * The changes of files in a folder, and below it. Nothing is missed from the moment that the promise resolves. After a
   * broken connection a change `lost` says that there may have been others. Leaving the loop ends the watch.
   */
  async watch(path = '.', options: WatchOptions = {}): Promise<AsyncGenerator<FileChange, void>> {
    return await watchFiles(this.#server, `/streams/sessions/${this.#sessionId}/watch`, { path, ...options });
  }

  async remove(path: string): Promise<void> {
    await this.#server.call((api) => api.files.delete.mutate({ sessionId: this.#sessionId, path }));
  }

  #at(path: string): string {
    return `/streams/sessions/${this.#sessionId}/file?path=${encodeURIComponent(path)}`;
  }
}

function bodyOf(content: FileContent): Body {
  if (typeof content === 'string' || content instanceof Uint8Array) return content as string;
  if (content instanceof Blob || content instanceof ReadableStream) return content;
  return streamOf(content);
}

type Body = NonNullable<RequestInit['body']>;

/**
 * The body with what `fetch` wants beside it. Browsers send no streams over HTTP/1.1, and some none at all: there a stream
 * is collected first.
 */
export async function sendable(body: Body): Promise<RequestInit> {
  if (!(body instanceof ReadableStream)) return { body };
  const isBrowser = typeof (globalThis as { document?: unknown }).document === 'object';
  return isBrowser ? { body: await new Response(body).blob() } : ({ body, duplex: 'half' } as RequestInit);
}

/** Node's `ReadableStream.from`, which not every platform has. */
export function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const from = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await from.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await from.return?.();
    },
  });
}

/** Reads a stream piece by piece, also where streams cannot be iterated, as in Safari. */
export async function* piecesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done) return;
      yield piece.value;
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
}
