import { Readable } from 'node:stream';
import { z } from 'zod';
import type { BlobStore, ByteRange } from '../../core/blobs.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { keyedQueue } from '../../core/keyed-queue.ts';
import type { RecordStore } from '../../core/ports.ts';

const StoredFile = z.object({
  id: z.string(),
  /** Null when the file belongs to no project. */
  projectId: z.string().nullable(),
  name: z.string(),
  /** `input`: a user's upload; `output`: made by an agent. */
  type: z.enum(['input', 'output']),
  size: z.int(),
  mimeType: z.string().nullable(),
  sha256: z.string(),
  uploadedAt: z.number(),
  /** The owner, as for a session. For a file in a project the project's owner counts instead. */
  owner: z.string().optional(),
});
export type UploadedFile = z.infer<typeof StoredFile>;

export interface NewFile {
  readonly projectId: string | null;
  /** A file name without a folder, see `baseName`. */
  readonly name: string;
  readonly type: UploadedFile['type'];
  readonly mimeType: string | null;
  readonly owner?: string;
  readonly content: AsyncIterable<Uint8Array>;
}
/** A file whose bytes are stored but not listed yet; disposing it without `keep` deletes them. */
export interface Staged extends AsyncDisposable {
  readonly file: UploadedFile;
}
/** Uploads and downloads of files. Rejects only with AppError; an unknown file is file_not_found. */
export interface UploadService {
  /** Rejects: payload_too_large, invalid_request (the upload was cut off), store_unavailable. */
  stage(file: NewFile, signal: AbortSignal): Promise<Staged>;
  /** Lists the files, in order. A file of the same name in the same project is deleted. */
  keep(staged: readonly Staged[]): Promise<readonly UploadedFile[]>;
  get(id: string): Promise<UploadedFile>;
  open(id: string, range?: ByteRange): Promise<Readable>;
  /** Newest first. */
  ofProject(projectId: string): Promise<readonly UploadedFile[]>;
  delete(id: string): Promise<void>;
  deleteProject(projectId: string): Promise<void>;
  /** Deletes what an earlier server process left unfinished. */
  sweep(): Promise<void>;
}
interface Deps {
  readonly records: RecordStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly maxBytes: number;
}
const fileKind = 'file'; // id `<owner>:<file>`: the prefix finds a project's files
const ownerKind = 'file-owner'; // by file id; written before the bytes, so that a sweep finds every file
const ownerOf = (projectId: string | null) => projectId ?? 'nobody';
const Owner = z.object({ owner: z.string(), at: z.number() });
const gone = () => new AppError('file_not_found', 'There is no such file.');

export function uploadService({ records, blobs, clock, newId, maxBytes }: Deps): UploadService {
  const started = clock.now();
  const turns = keyedQueue();

  const find = async (id: string) => {
    const pointer = await records.get(ownerKind, id);
    if (!pointer) throw gone();
    const key = `${Owner.parse(pointer.doc).owner}:${id}`;
    const found = await records.get(fileKind, key);
    if (!found) throw gone();
    return { key, file: StoredFile.parse(found.doc) };
  };
  const ofProject = async (projectId: string) =>
    (await records.list(fileKind, { idPrefix: `${projectId}:` })).map(({ doc }) => StoredFile.parse(doc));
  const forget = async (id: string) => {
    await blobs.delete(id);
    await records.delete(ownerKind, id);
  };
  const remove = async ({ id, projectId }: UploadedFile) => {
    await records.delete(fileKind, `${ownerOf(projectId)}:${id}`); // from here on no caller finds it
    await forget(id);
  };
  const keepOne = (staged: Staged) =>
    turns(ownerOf(staged.file.projectId), async () => {
      const { file } = staged;
      const older = file.projectId === null ? [] : await ofProject(file.projectId);
      const doc = { ...file, uploadedAt: clock.now() };
      await records.put({ kind: fileKind, id: `${ownerOf(file.projectId)}:${file.id}`, doc, sort: doc.uploadedAt });
      kept.add(staged);
      for (const one of older) if (one.name === file.name) await remove(one);
      return doc;
    });
  const kept = new WeakSet<Staged>();

  return {
    async stage({ projectId, name, type, mimeType, content, owner: whose }, signal) {
      const id = newId();
      const owner = ownerOf(projectId);
      await records.put({ kind: ownerKind, id, doc: { owner, at: clock.now() } });
      const info = await blobs.put(id, content, { maxBytes, signal }).catch(async (thrown: unknown) => {
        await forget(id).catch(() => {}); // the sweep at the next start repeats it
        throw thrown;
      });
      const staged: Staged = {
        file: {
          ...{ id, projectId, name, type, mimeType, ...info, uploadedAt: clock.now() },
          ...(whose !== undefined && { owner: whose }),
        },
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
    ofProject,
    async delete(id) {
      await remove((await find(id)).file);
    },
    async deleteProject(projectId) {
      for (const file of await ofProject(projectId)) await remove(file);
    },
    async sweep() {
      for (const { id, doc } of await records.list(ownerKind)) {
        const { owner, at } = Owner.parse(doc);
        if (at < started && !(await records.get(fileKind, `${owner}:${id}`))) await forget(id);
      }
    },
  };
}

/** The last part of the path that a client sent; undefined when it is no valid file name. */
export function baseName(given: string): string | undefined {
  const name = given.split(/[/\\]/).at(-1)?.trim() ?? '';
  if (name === '' || name === '.' || name === '..') return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the check looks for control characters
  if (/[\x00-\x1f\x7f]/.test(name) || Buffer.byteLength(name) > 255) return undefined;
  return name;
}
