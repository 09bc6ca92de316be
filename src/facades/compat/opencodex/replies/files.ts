import { z } from 'zod';
import { jsonReply } from '../../../../http/routes/route-docs.ts';
import { exampleTime, exampleUuid, isoTimestamp } from './examples.ts';

const File = z.object({
  id: z.string(),
  project_id: z.string().nullable(),
  filename: z.string(),
  file_path: z.string(),
  file_type: z.enum(['input', 'output']),
  size: z.int(),
  mime_type: z.string().nullable(),
  hash: z.string().describe('SHA-256, hex'),
  uploaded_at: isoTimestamp,
});
export type UploadedFileView = z.output<typeof File>;
const FileList = z.object({ files: z.array(File), total: z.int() });
const file: UploadedFileView = {
  id: exampleUuid,
  project_id: exampleUuid,
  filename: 'data.csv',
  file_path: '/workspace/project_files/data.csv',
  file_type: 'input',
  size: 4,
  mime_type: 'text/csv',
  hash: 'edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb',
  uploaded_at: exampleTime,
};
export const filesReply = jsonReply('Files', FileList, { files: [file], total: 1 });
const UploadReply = z.union([File, FileList]);
export type UploadReply = z.output<typeof UploadReply>;
export const uploadReply = jsonReply('The file; of several, a list', UploadReply, file);
export const fileReply = jsonReply('The file', File, { ...file, file_type: 'output' });
