import { Readable } from 'node:stream';
import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { BlobStore, ByteRange } from '../../core/contracts/blobs.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import { projectRecordKind } from './projects.ts';

const StoredFile = z.object({
  id: z.string(),
  projectId: z.string().nullable(),
  /** Set for a screenshot. Callers who can read the session can read the file. */
  sessionId: SessionId.optional(),
  name: z.string(),
  /** `input`: uploaded by a user; `output`: created by an agent. */
  type: z.enum(['input', 'output']),
  size: z.int(),
  mimeType: z.string().nullable(),
  sha256: z.string(),
  uploadedAt: z.number(),
  /** Access to a project's file does not depend on the owner. */
  owner: z.string().optional(),
});
export type UploadedFile = z.infer<typeof StoredFile>;

export interface NewUpload {
  readonly projectId: string | null;
  readonly sessionId?: SessionId;
  readonly name: string;
  readonly type: UploadedFile['type'];
  readonly mimeType: string | null;
  readonly owner?: string;
  readonly content: AsyncIterable<Uint8Array>;
}
/** A stored file that is not listed yet. Disposing it without `keep` deletes it. */
export interface StagedUpload extends AsyncDisposable {
  readonly file: UploadedFile;
}
/** Rejects only with AppError. The code is file_not_found for an unknown file. */
export interface UploadService {
  /** Rejects: payload_too_large, invalid_request (the upload was cut off), store_unavailable. */
  stage(file: NewUpload, signal: AbortSignal): Promise<StagedUpload>;
  /** In a project, replaces files of the same name. Rejects: not_found (the project was deleted). */
  keep(staged: readonly StagedUpload[]): Promise<readonly UploadedFile[]>;
  get(id: string): Promise<UploadedFile>;
  open(id: string, range?: ByteRange): Promise<Readable>;
  /** Newest first. */
  ofProject(projectId: string): Promise<readonly UploadedFile[]>;
  /** The owner's newest 500 files without a project or session, newest first. Undefined: files without an owner. */
  listAttached(owner?: string): Promise<readonly UploadedFile[]>;
  delete(id: string): Promise<void>;
  deleteProject(projectId: string): Promise<void>;
  /** Deletes unfinished uploads of earlier processes. With `otherServers`, keeps those from the hour before startup. */
  sweep(otherServers?: boolean): Promise<void>;
}
export interface UploadStore extends UploadService {
  /** Newest first. */
  ofSession(id: SessionId): Promise<readonly UploadedFile[]>;
  deleteSession(id: SessionId): Promise<void>;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'newId' | 'records'> {
  readonly blobs: BlobStore;
  readonly maxBytes: number;
}
const fileKind = 'file'; // ids are `<folder>:<file>`, so that a folder's files share a prefix
export const fileOwnerRecordKind = 'file-owner'; // by file id; written before the bytes, so that a sweep finds every file
const noFolder = 'nobody';
const maxListed = 500;
const folderOf = ({ projectId, sessionId }: Pick<UploadedFile, 'projectId' | 'sessionId'>) =>
  projectId ?? sessionId ?? noFolder;
/** `isKept`: false until the file is listed. Absent from records of earlier versions. */
const Owner = z.object({ owner: z.string(), at: z.number(), isKept: z.boolean().optional() });
const uploadMs = 60 * 60_000; // longer than any upload takes
const gone = () => new AppError('file_not_found', 'There is no such file.');

export function createUploadStore({ records, blobs, clock, newId, maxBytes }: Deps): UploadStore {
  const started = clock.now();
  const turns = createKeyedQueue();

  const find = async (id: string) => {
    const pointer = await records.get(fileOwnerRecordKind, id);
    if (!pointer) throw gone();
    const key = `${Owner.parse(pointer.doc).owner}:${id}`;
    const found = await records.get(fileKind, key);
    if (!found) throw gone();
    return { key, file: StoredFile.parse(found.doc) };
  };
  const inFolder = async (folder: string) =>
    (await records.list(fileKind, { idPrefix: `${folder}:` })).map(({ doc }) => StoredFile.parse(doc));
  const forget = async (id: string) => {
    await blobs.delete(id);
    await records.delete(fileOwnerRecordKind, id);
  };
  const remove = async (file: UploadedFile) => {
    // if interrupted here, a sweep completes the deletion
    const pointer = { owner: folderOf(file), at: file.uploadedAt, isKept: false };
    await records.put({ kind: fileOwnerRecordKind, id: file.id, doc: pointer });
    await records.delete(fileKind, `${folderOf(file)}:${file.id}`);
    await forget(file.id);
  };
  const removeFolder = async (folder: string) => {
    for (const file of await inFolder(folder)) await remove(file);
  };
  const keepOne = (staged: StagedUpload) =>
    turns(folderOf(staged.file), async () => {
      const { file } = staged;
      const older = file.projectId === null ? [] : await inFolder(file.projectId);
      const doc = { ...file, uploadedAt: clock.now() };
      await records.put({ kind: fileKind, id: `${folderOf(file)}:${file.id}`, doc, sort: doc.uploadedAt });
      kept.add(staged);
      const pointer = { owner: folderOf(file), at: doc.uploadedAt, isKept: true };
      // a conflict means that the file was deleted in the meantime
      await records.put({ kind: fileOwnerRecordKind, id: file.id, doc: pointer, expect: 1 }).catch(ignoreConflict);
      for (const one of older) if (one.name === file.name) await remove(one);
      // A concurrent deletion of the project may have missed this file.
      if (file.projectId !== null && !(await records.get(projectRecordKind, file.projectId))) {
        await remove(doc);
        throw new AppError('not_found', 'The project of this file was deleted.');
      }
      return doc;
    });
  const kept = new WeakSet<StagedUpload>();

  return {
    async stage({ content, ...file }, signal) {
      const id = newId();
      const owner = folderOf(file);
      await records.put({ kind: fileOwnerRecordKind, id, doc: { owner, at: clock.now(), isKept: false } });
      const info = await blobs.put(id, content, { maxBytes, signal }).catch(async (thrown: unknown) => {
        await forget(id).catch(() => {}); // if this fails, the sweep at the next start retries
        throw thrown;
      });
      const staged: StagedUpload = {
        file: { id, ...file, ...info, uploadedAt: clock.now() },
        [Symbol.asyncDispose]: async () => {
          if (!kept.has(staged)) await forget(id).catch(() => {});
        },
      };
      return staged;
    },
    async keep(staged) {
      const files: UploadedFile[] = [];
      for (const one of staged) files.push(await keepOne(one));
      return files;
    },
    get: async (id) => (await find(id)).file,
    async open(id, range) {
      const { file } = await find(id);
      if (file.size === 0) return Readable.from([]);
      return await blobs.open(id, range);
    },
    ofProject: inFolder,
    ofSession: inFolder,
    async listAttached(owner) {
      const all = (await records.list(fileKind, { owner: owner ?? null })).map(({ doc }) => StoredFile.parse(doc));
      return all.filter((file) => folderOf(file) === noFolder).slice(0, maxListed);
    },
    async delete(id) {
      await remove((await find(id)).file);
    },
    deleteProject: removeFolder,
    deleteSession: removeFolder,
    async sweep(otherServers = false) {
      const before = otherServers ? started - uploadMs : started;
      for (const { id, doc } of await records.list(fileOwnerRecordKind, { state: 'staged' })) {
        const { owner, at } = Owner.parse(doc);
        if (at >= before) continue;
        // A server may have listed the file, then died before it updated this record.
        const isKept = (await records.get(fileKind, `${owner}:${id}`)) !== undefined;
        await (isKept ? records.put({ kind: fileOwnerRecordKind, id, doc: { owner, at, isKept } }) : forget(id));
      }
    },
  };
}

/** Undefined if a client's path does not end in a valid file name. */
export function parseFileName(value: string): string | undefined {
  const name = value.split(/[/\\]/).at(-1)?.trim() ?? '';
  if (name === '' || name === '.' || name === '..') return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the check looks for control characters
  if (/[\x00-\x1f\x7f]/.test(name) || Buffer.byteLength(name) > 255) return undefined;
  return name;
}
