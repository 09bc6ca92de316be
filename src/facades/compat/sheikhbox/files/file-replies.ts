import { z } from 'zod';
import { envelopeReply } from '../../../shared/envelope.ts';

export const FileInfo = z.object({
  file_id: z.string(),
  filename: z.string(),
  content_type: z.string().nullable(),
  size: z.int(),
  upload_date: z.string(),
  metadata: z.null(),
  file_url: z.string(),
});
export type FileInfo = z.output<typeof FileInfo>;

const fileId = '3f1c9a52-6a0e-4f7e-9a51-0d6c0d9a7b11';
const info: FileInfo = {
  file_id: fileId,
  filename: 'notes.txt',
  content_type: 'text/plain',
  size: 5,
  upload_date: '2025-01-01T00:00:00.000Z',
  metadata: null,
  file_url: `/api/v1/files/${fileId}/download`,
};
export const fileInfoReply = envelopeReply(FileInfo, info);
export const sessionFilesReply = envelopeReply(z.array(FileInfo), [info]);
export const sharedFilesReply = envelopeReply(z.array(FileInfo), [
  { ...info, file_url: `${info.file_url}?signature=v1.…` },
]);

const link = (path: string) =>
  envelopeReply(z.object({ signed_url: z.string(), expires_in: z.int() }), {
    signed_url: `${path}?signature=v1.…`,
    expires_in: 900,
  });
export const fileLinkReply = link(info.file_url);
export const screenLinkReply = link('/api/v1/sessions/5f2a0c9be41d7733/vnc');
