import type { FileContent } from './bodies.ts';
import type { Connection } from './connection.ts';
import type { Outputs } from './types.ts';
import { type FileChange, type WatchOptions, watchFiles } from './watch.ts';

export type FileEntry = Outputs['files']['list']['items'][number];

/** Paths are relative to the box's workspace, or absolute and inside it. */
export class Files {
  readonly #server: Connection;
  readonly #sessionId: string;

  constructor(server: Connection, sessionId: string) {
    this.#server = server;
    this.#sessionId = sessionId;
  }

  /** Creates missing folders. Replaces the file completely, or not at all. */
  async write(path: string, content: FileContent, options: { signal?: AbortSignal } = {}): Promise<{ size: number }> {
    return (await (await this.#server.upload(this.#at(path), content, options)).json()) as { size: number };
  }

  /** The whole file as text. */
  async read(path: string, options: { signal?: AbortSignal } = {}): Promise<string> {
    return new TextDecoder().decode(await this.bytes(path, options));
  }

  async bytes(path: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    const response = await this.#server.request(this.#at(path), options);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** A broken transfer fails with an error instead of ending the stream early. */
  async stream(
    path: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> }> {
    return await this.#server.download(this.#at(path), options);
  }

  async list(path = '.'): Promise<FileEntry[]> {
    const { items } = await this.#server.call((api) => api.files.list.query({ sessionId: this.#sessionId, path }));
    return items;
  }

  /**
   * Once the promise resolves, every gap, such as one after a broken connection, causes a `lost` change. Leaving the
   * loop over the changes ends the watch.
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
