import type { UploadService } from '../../sessions/projects/uploads.ts';
import type { AttachedFiles } from '../../sessions/run/context/attachments.ts';

/** Uploads as a run sees them. An upload that cannot be read is none, so that the turn goes on without it. */
export const attachedFiles = (uploads: Pick<UploadService, 'get' | 'open'>): AttachedFiles => ({
  find: (id) => uploads.get(id).catch(() => undefined),
  open: (id) => uploads.open(id),
});
