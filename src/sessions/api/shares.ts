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
  /** Returns the secret only this once, because the server keeps its hash. Rejects with conflict if 100 links exist. */
  create(id: SessionId, shareRequest: ShareRequest): Promise<{ readonly token: string; readonly view: ShareView }>;
  /** Excludes expired links. */
  list(id: SessionId): Promise<readonly ShareView[]>;
  /** Also succeeds if the link does not exist. */
  revoke(id: SessionId, share: string): Promise<void>;
}

export interface SharedSessionPage {
  readonly session: Pick<SessionRecord, 'title' | 'status' | 'createdAt'>;
  readonly events: readonly SessionEvent[];
  /** `after` starts the next page. `head` is the newest seq. */
  readonly after: number;
  readonly head: number;
  readonly share: ShareView;
}

/**
 * Read access to a shared session. The link is the only permission needed. Methods reject with not_found if the link is
 * unknown, expired or revoked, or its session was deleted.
 */
export interface SharedSessionService {
  /** Returns messages, titles, plans, and starts, waits, errors and ends of runs. */
  read(token: string, after: number): Promise<SharedSessionPage>;
  /**
   * Rejects as listing the session's files does, and: forbidden (the link shows no files), sandbox_not_found (not running; a
   * link does not start the sandbox).
   */
  listFiles(token: string, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /**
   * Rejects as reading the session's files does, and: forbidden and sandbox_not_found (as `listFiles`), payload_too_large
   * (more than 2 MiB).
   */
  readFile(token: string, path: string, signal: AbortSignal): Promise<string>;
}

export const shareRules: ServiceRules<ShareService> = {
  create: { may: 'work', audit: 'share.create' },
  list: { may: 'work', audit: null },
  revoke: { may: 'work', audit: 'share.revoke' },
};
