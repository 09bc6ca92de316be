import type { SessionEvent } from '../../../../core/model/events.ts';
import type { UploadedFile, UploadService } from '../../../../sessions/projects/uploads.ts';
import type { FileInfo } from './file-replies.ts';

export const toDownloadPath = (id: string): string => `/api/v1/files/${id}/download`;
export const isDownloadPath = (path: string): boolean => /^\/api\/v1\/files\/[0-9a-f-]{36}\/download$/.test(path);

export const toUploadInfo = ({ id, name, mimeType, size, uploadedAt }: UploadedFile): FileInfo => ({
  file_id: id,
  filename: name,
  content_type: mimeType,
  size,
  upload_date: new Date(uploadedAt).toISOString(),
  metadata: null,
  file_url: toDownloadPath(id),
});

export const createFileInfoFromPath = (file: string, at: number): FileInfo => ({
  file_id: file,
  filename: file.slice(file.lastIndexOf('/') + 1),
  content_type: null,
  size: 0,
  upload_date: new Date(at).toISOString(),
  metadata: null,
  file_url: '',
});

const maxKnown = 10_000;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Call `learn` before translating events: translation is synchronous. */
export class FileInfoCache {
  readonly #uploads: Pick<UploadService, 'get'> | undefined;
  readonly #known = new Map<string, FileInfo>();

  constructor(uploads: Pick<UploadService, 'get'> | undefined) {
    this.#uploads = uploads;
  }

  learn(events: readonly SessionEvent[]): Promise<void> | undefined {
    const strange = new Set<string>();
    for (const { type, data } of events) {
      if (type !== 'message.user' && type !== 'message.assistant') continue;
      for (const id of data.attachments) if (uuid.test(id) && !this.#known.has(id)) strange.add(id);
    }
    return strange.size > 0 && this.#uploads ? this.#find(strange) : undefined;
  }
  get(file: string, at: number): FileInfo {
    return this.#known.get(file) ?? createFileInfoFromPath(file, at);
  }

  async #find(ids: Iterable<string>): Promise<void> {
    for (const id of ids) {
      // the log has only the id of a deleted file
      const file = await this.#uploads?.get(id).catch(() => undefined);
      if (this.#known.size >= maxKnown) this.#known.clear();
      if (file) this.#known.set(id, toUploadInfo(file));
    }
  }
}
