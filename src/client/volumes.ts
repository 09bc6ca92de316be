import type { FileContent } from './bodies.ts';
import type { AbortOptions, Connection, SizedStream } from './connection.ts';
import type { Outputs } from './types.ts';

/** Storage that outlives boxes and that several of them can mount. */
export type Volume = Outputs['volumes']['get'];
export type VolumeEntry = Outputs['volumes']['files'][number];
/** Only one box at a time can mount a volume for writing. */
export interface VolumeMount {
  readonly volume: string;
  /** Below `/mnt`, or at or below `/data`, `/srv`, `/media` or `/volumes`. */
  readonly path: string;
  /** Default: `read`. */
  readonly access?: 'read' | 'write';
}

/** Methods accept an id or a name. Content cannot be written while a box has the volume mounted for writing. */
export class Volumes {
  readonly #server: Connection;

  constructor(server: Connection) {
    this.#server = server;
  }

  list(): Promise<Volume[]> {
    return this.#server.call((api) => api.volumes.list.query());
  }
  get(volume: string): Promise<Volume> {
    return this.#server.call((api) => api.volumes.get.query({ volume }));
  }
  /**
   * `quota`: bytes, or a size such as `512MiB`; default: the server's. Rejects: conflict (the name is taken),
   * invalid_request (`quota` exceeds the server's limit), quota (too many volumes, or too many bytes in total),
   * unsupported (the server has no volumes).
   */
  create(name: string, options: { readonly quota?: number | string } = {}): Promise<Volume> {
    return this.#server.call((api) => api.volumes.create.mutate({ name, ...options }));
  }
  update(volume: string, change: { readonly name?: string; readonly quota?: number | string }): Promise<Volume> {
    return this.#server.call((api) => api.volumes.update.mutate({ volume, ...change }));
  }
  /** Rejects with conflict while a box has the volume mounted or content is being transferred. */
  async remove(volume: string): Promise<void> {
    await this.#server.call((api) => api.volumes.delete.mutate({ volume }));
  }

  files(volume: string, path = '.'): Promise<VolumeEntry[]> {
    return this.#server.call((api) => api.volumes.files.query({ volume, path }));
  }
  /** A broken transfer fails with an error instead of ending the stream early. */
  async read(volume: string, path: string, options: AbortOptions = {}): Promise<SizedStream> {
    return await this.#server.download(at(volume, path), options);
  }
  /** Replaces the file atomically. */
  async write(
    volume: string,
    path: string,
    content: FileContent,
    options: AbortOptions = {},
  ): Promise<{ size: number }> {
    return (await (await this.#server.upload(at(volume, path), content, options)).json()) as { size: number };
  }
  async removeFile(volume: string, path: string): Promise<void> {
    await this.#server.call((api) => api.volumes.removeFile.mutate({ volume, path }));
  }

  /** All content as a compressed tar archive, for `restore`. */
  async backup(volume: string, options: AbortOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return (await this.#server.download(`${of(volume)}/backup`, options)).body;
  }
  /** Replaces all content with an archive from `backup`. Changes nothing if the archive is invalid or too large. */
  async restore(volume: string, archive: FileContent, options: AbortOptions = {}): Promise<Volume> {
    return (await (await this.#server.upload(`${of(volume)}/backup`, archive, options)).json()) as Volume;
  }
}

const of = (volume: string): string => `/api/v1/volumes/${encodeURIComponent(volume)}`;
const at = (volume: string, path: string): string => `${of(volume)}/file?path=${encodeURIComponent(path)}`;
