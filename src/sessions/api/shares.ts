import { z } from 'zod';
import type { SessionEvent } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { FileEntry } from '../../sandboxes/client/client.ts';
import type { ServiceRules } from './rules.ts';

export const ShareView = z.object({
  id: z.string(),
  createdAt: z.number(), // epoch ms
  expiresAt: z.number(), // epoch ms
  files: z.boolean(),
});
export type ShareView = z.infer<typeof ShareView>;
export interface ShareRequest {
  readonly lifeMs: number;
  readonly files: boolean;
}

/** Every method also rejects with session_not_found. */
export interface ShareService {
  /** Returns the secret, which cannot be read again. Rejects: conflict (100 links exist). */
  create(id: SessionId, shareRequest: ShareRequest): Promise<{ readonly token: string; readonly view: ShareView }>;
  /** Excludes expired links. */
  list(id: SessionId): Promise<readonly ShareView[]>;
  /** Also succeeds if the link does not exist. */
  revoke(id: SessionId, share: string): Promise<void>;
}

export interface SharedSessionPage {
  readonly session: Pick<SessionRecord, 'title' | 'status' | 'createdAt'>;
  readonly events: readonly SessionEvent[];
  /** `after`: the cursor for the next page. `head`: the newest seq. */
  readonly after: number;
  readonly head: number;
  readonly share: ShareView;
}

/** The link alone authorizes access. Rejects: not_found (an unknown, expired or revoked link, or a deleted session). */
export interface SharedSessionService {
  /** Returns messages, titles, plans, and events for a run's start, wait, failure or end. */
  read(token: string, after: number): Promise<SharedSessionPage>;
  /** Rejects as `FileService.list` does, and: forbidden (the link shares no files), sandbox_not_found (not running). */
  listFiles(token: string, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /**
   * Rejects as `FileService.read` does, and: forbidden, sandbox_not_found (as for `listFiles`), payload_too_large (over
   * 2 MiB).
   */
  readFile(token: string, path: string, signal: AbortSignal): Promise<Buffer>;
}

export const shareRules: ServiceRules<ShareService> = {
  create: { may: 'work', audit: 'share.create' },
  list: { may: 'work', audit: null },
  revoke: { may: 'work', audit: 'share.revoke' },
};
