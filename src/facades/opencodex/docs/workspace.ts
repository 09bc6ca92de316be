import { z } from 'zod';
import { FileReply, file as keptFile } from './files.ts';
import { bytes, json, key, route, uuid } from './shared.ts';

const WorkspaceFile = z.object({
  id: z.string().optional(),
  name: z.string(),
  path: z.string(),
  size: z.int(),
  type: z.enum(['uploaded', 'output']),
  mime_type: z.string().nullable(),
});

const file = (path: string, type: 'uploaded' | 'output') => ({
  name: path.replace('project_files/', ''),
  path: `/workspace/${path}`,
  size: 4,
  type,
  mime_type: 'text/csv',
});

export const listFiles = route({
  id: 'ListWorkspaceFiles',
  summary: 'List the files of a workspace: what was uploaded, and the newest 500 others',
  responses: {
    200: json(
      'Files',
      z.object({
        uploaded: z.array(WorkspaceFile),
        output: z.array(WorkspaceFile),
        truncated: z.literal(true).optional(),
      }),
      { uploaded: [{ id: uuid, ...file('project_files/data.csv', 'uploaded') }], output: [file('out.csv', 'output')] },
    ),
  },
  fails: [404],
});
export const readContent = route({
  id: 'ReadWorkspaceFile',
  summary: 'Read a file as a page shows it',
  responses: {
    200: json(
      'Text, or an image as a data URI',
      z.object({ path: z.string(), content: z.string(), is_binary: z.boolean(), mime_type: z.string().nullable() }),
      { path: '/workspace/out.csv', content: 'a,b\n', is_binary: false, mime_type: 'text/csv' },
    ),
  },
  fails: [404, 413, 422],
});
export const downloadFile = route({
  id: 'DownloadWorkspaceFile',
  summary: 'Download a file',
  responses: { 200: bytes('Its bytes') },
  fails: [404, 413, 422],
});
export const downloadAll = route({
  id: 'DownloadWorkspace',
  summary: 'Download all uploaded or all other files',
  responses: { 200: bytes('A zip file', 'application/zip') },
  fails: [404, 413, 422],
});
export const uploadToProject = route({
  id: 'UploadToProject',
  summary: 'Keep a file of the workspace in a project',
  responses: { 201: json('The file', FileReply, { ...keptFile, file_type: 'output' }) },
  fails: [404, 409, 413, 422],
  more: { headers: key, bodyExample: { path: '/workspace/report.md', project_id: uuid } },
});
