import type { SessionId } from '../../core/model/ids.ts';

/** The address of a file for `resources/read`. */
export const fileUri = (id: SessionId, path: string): string =>
  `corral://sessions/${id}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
