import { z } from 'zod';
import { at, bytes, json, key, nothing, route, time, uuid } from './shared.ts';

export const FileReply = z.object({
  id: z.string(),
  project_id: z.string().nullable(),
  filename: z.string(),
  file_path: z.string(),
  file_type: z.enum(['input', 'output']),
  size: z.int(),
  mime_type: z.string().nullable(),
  hash: z.string().describe('SHA-256, hex'),
  uploaded_at: time,
});
const FileList = z.object({ files: z.array(FileReply), total: z.int() });
export const file = {
  id: uuid,
  project_id: uuid,
  filename: 'data.csv',
  file_path: '/workspace/project_files/data.csv',
  file_type: 'input',
  size: 4,
  mime_type: 'text/csv',
  hash: 'edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb',
  uploaded_at: at,
};

const binary = z.string().meta({ format: 'binary' });
export const upload = route({
  id: 'UploadFiles',
  summary: 'Upload files to a project',
  responses: { 201: json('The file; of several, a list', z.union([FileReply, FileList]), file) },
  fails: [404, 409, 413, 422],
  more: {
    headers: key,
    requestContent: {
      'multipart/form-data': z.object({ file: binary.optional(), files: z.array(binary).max(20).optional() }),
    },
    description:
      'multipart/form-data with one or several parts named `file` or `files`. They appear in the workspaces of the ' +
      "project's chat sessions as project_files/<filename>. A file of the same name is replaced and gets a new id.",
  },
});
export const listFiles = route({
  id: 'ListProjectFiles',
  summary: 'List the files of a project, newest first',
  responses: { 200: json('Files', FileList, { files: [file], total: 1 }) },
  fails: [404, 422],
});
export const download = route({
  id: 'DownloadFile',
  summary: 'Download a file, or a range of it',
  responses: { 200: bytes('Its bytes'), 206: bytes('The range') },
  fails: [404, 416],
  more: { headers: { Range: 'one range of bytes' } },
});
export const deleteFile = route({
  id: 'DeleteFile',
  summary: 'Delete a file and its copies in workspaces',
  responses: { 204: nothing },
  fails: [404],
});
