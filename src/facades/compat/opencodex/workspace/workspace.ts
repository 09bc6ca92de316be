import { posix } from 'node:path';
import { AppError } from '../../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { trimEndCharacters } from '../../../../core/text/text.ts';
import { bytesReply } from '../../../../http/routes/route-docs.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { abortOnDisconnect, abortUnlessIdempotent } from '../../../../http/transport/abort-on-disconnect.ts';
import { projectFilesFolder } from '../../../../sessions/projects/project-copies.ts';
import { parseFileName, type UploadedFile } from '../../../../sessions/projects/uploads.ts';
import {
  assertFitsArchive,
  type FolderListing,
  listFilesRecursively,
  maxArchivedBytes,
  type WorkspaceFile,
} from '../../../shared/archive/files-below.ts';
import { findMimeType } from '../../../shared/archive/mime.ts';
import { createInvalidFieldError, describeRoute, findChat, findProject, type OpencodexDeps } from '../context.ts';
import { exampleUuid } from '../replies/examples.ts';
import { fileReply } from '../replies/files.ts';
import type { WorkspaceFileContent } from '../replies/workspace.ts';
import * as replies from '../replies/workspace.ts';
import { ChatParams, DownloadAllQuery, PathQuery, ProjectAssignment } from '../schemas.ts';
import { toFileView } from '../views.ts';
import { markAsAttachment } from './download.ts';

export function toWorkspacePath(path: string): string {
  const clean = posix.normalize(path);
  const relative = clean.startsWith('/workspace/') ? trimEndCharacters(clean.slice('/workspace/'.length), '/') : '';
  if (relative === '') throw new AppError('path_outside', 'Path must be below /workspace/');
  return relative;
}

const from = ({ services: { files } }: OpencodexDeps, { id }: SessionRecord) => ({ files, id });

const uploadedFiles = (deps: OpencodexDeps, session: SessionRecord, signal: AbortSignal) =>
  listFilesRecursively(from(deps, session), { start: projectFilesFolder, skip: () => false, signal });

const newest = 500;
async function outputFiles(deps: OpencodexDeps, session: SessionRecord, signal: AbortSignal): Promise<FolderListing> {
  const skip = (folder: string) => folder === projectFilesFolder;
  const { files, ...others } = await listFilesRecursively(from(deps, session), { start: '.', skip, signal });
  const sorted = [...files].sort((a, b) => compare(b.modified, a.modified) || compare(a.path, b.path));
  return { files: sorted, ...others };
}
const newestOf = ({ files, truncated }: Pick<FolderListing, 'files' | 'truncated'>) => ({
  files: files.slice(0, newest),
  truncated: truncated || files.length > newest,
});
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function toFileContent(path: string, bytes: Buffer): Omit<WorkspaceFileContent, 'path'> {
  const mime_type = findMimeType(path);
  if (mime_type?.startsWith('image/')) {
    return { content: `data:${mime_type};base64,${bytes.toString('base64')}`, is_binary: true, mime_type };
  }
  if (bytes.includes(0)) return { content: '', is_binary: true, mime_type };
  return { content: bytes.toString('utf8'), is_binary: false, mime_type };
}

const base = '/api/v1/chats/:sid/workspace';

export function mountWorkspace(app: App, deps: OpencodexDeps): void {
  const { files } = deps.services;
  app.get(
    `${base}/files`,
    describeRoute('ListWorkspaceFiles', 'List the files of a workspace: what was uploaded, and the newest 500 others', {
      schema: { params: ChatParams, response: { 200: replies.workspaceFilesReply } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const session = await findChat(deps, params.sid);
      const signal = abortOnDisconnect(reply);
      const output = newestOf(await outputFiles(deps, session, signal));
      const uploaded = await uploadedFiles(deps, session, signal);
      const known = session.projectId === null ? [] : await deps.uploads.ofProject(session.projectId);
      const ids = new Map(known.map(({ name, id }) => [name, id]));
      return {
        uploaded: uploaded.files.map((file) => entry(file, 'uploaded', ids.get(below(file)))),
        output: output.files.map((file) => entry(file, 'output', undefined)),
        ...((uploaded.truncated || output.truncated) && { truncated: true as const }),
      };
    },
  );
  app.get(
    `${base}/files/content`,
    describeRoute('ReadWorkspaceFile', 'Read a file as a page shows it', {
      schema: { params: ChatParams, querystring: PathQuery, response: { 200: replies.workspaceFileReply } },
      fails: [404, 413, 422],
    }),
    async ({ params, query }, reply) => {
      const { id } = await findChat(deps, params.sid);
      const path = toWorkspacePath(query.path);
      const content = await files.read(id, path, abortOnDisconnect(reply)).catch(missing);
      return { path: query.path, ...toFileContent(path, content) };
    },
  );
  app.get(
    `${base}/files/download`,
    describeRoute('DownloadWorkspaceFile', 'Download a file', {
      schema: { params: ChatParams, querystring: PathQuery, response: { 200: bytesReply('Its bytes') } },
      fails: [404, 413, 422],
    }),
    async ({ params, query }, reply) => {
      const { id } = await findChat(deps, params.sid);
      const path = toWorkspacePath(query.path);
      const { size, content } = await files.open(id, path, abortOnDisconnect(reply)).catch(missing);
      return markAsAttachment(reply, path, findMimeType(path) ?? undefined)
        .header('content-length', size)
        .send(content);
    },
  );
  app.get(
    `${base}/download-all`,
    describeRoute('DownloadWorkspace', 'Download all uploaded or all other files', {
      schema: {
        params: ChatParams,
        querystring: DownloadAllQuery,
        response: { 200: bytesReply('A zip file', 'application/zip') },
      },
      fails: [404, 413, 422],
    }),
    async ({ params, query: { type } }, reply) => {
      const session = await findChat(deps, params.sid);
      if (type !== 'uploaded' && type !== 'output')
        throw new AppError('invalid_request', 'type must be uploaded or output');
      const signal = abortOnDisconnect(reply);
      const list = type === 'uploaded' ? uploadedFiles : outputFiles;
      const listing = await list(deps, session, signal);
      assertFitsArchive(listing);
      if (listing.files.length === 0) throw new AppError('not_found', `There are no ${type} files`);
      const open = (path: string) => files.open(session.id, path, signal);
      const { createZipStream } = await import('../../../shared/archive/zip.ts');
      return markAsAttachment(reply, `${type}-${session.id}.zip`, 'application/zip').send(
        createZipStream(listing, { open, maxPacked: maxArchivedBytes }),
      );
    },
  );
  app.post(
    `${base}/files/upload-to-project`,
    describeRoute('UploadToProject', 'Keep a file of the workspace in a project', {
      schema: { params: ChatParams, body: ProjectAssignment, response: { 201: fileReply } },
      config: { once: 201 },
      bodyExample: { path: '/workspace/report.md', project_id: exampleUuid },
      fails: [404, 409, 413, 422],
    }),
    async ({ params, body }, reply) => {
      const session = await findChat(deps, params.sid);
      const project = await findProject(deps, body.project_id);
      const path = toWorkspacePath(body.path);
      const name = parseFileName(path);
      if (name === undefined) throw createInvalidFieldError('body', 'path', 'has no name that a file can have');
      const signal = abortUnlessIdempotent(reply);
      const { content } = await files.open(session.id, path, signal).catch(missing);
      const requested = { projectId: project.id, name, type: 'output', mimeType: findMimeType(name), content } as const;
      await using staged = await deps.uploads.stage(requested, signal);
      const [file] = await deps.uploads.keep([staged]);
      return toFileView(file as UploadedFile);
    },
  );
}

const below = ({ path }: WorkspaceFile) =>
  path.startsWith(`${projectFilesFolder}/`) ? path.slice(projectFilesFolder.length + 1) : path;

const entry = (file: WorkspaceFile, type: 'uploaded' | 'output', id: string | undefined): replies.WorkspaceFile => ({
  ...(id !== undefined && { id }),
  name: below(file),
  path: `/workspace/${file.path}`,
  size: file.size,
  type,
  mime_type: findMimeType(file.path),
});

function missing(thrown: unknown): never {
  if (thrown instanceof AppError && thrown.code === 'file_not_found') throw new AppError('not_found', 'File not found');
  throw thrown;
}
