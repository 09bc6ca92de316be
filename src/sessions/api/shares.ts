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
  /**
   * Returns the link's secret, which cannot be read again: the server keeps only its hash. Rejects: conflict (100 links exist
   * already).
   */
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

/**
 * Read access to a shared session. The link is the only permission that its holder needs. Every method rejects with
 * not_found for a link that is unknown, expired or revoked, or whose session was deleted.
 */
export interface SharedSessionService {
  /** Events after a cursor: messages, titles, plans with steps, and the starts, waits, errors and ends of runs. */
  read(token: string, after: number): Promise<SharedSessionPage>;
  /**
   * Rejects: forbidden (the link shows no files), sandbox_not_found (the sandbox is not running; a link does not start it), and
   * as listing a session's files does.
   */
  listFiles(token: string, path: string, signal: AbortSignal): Promise<readonly FileEntry[]>;
  /**
   * Rejects: forbidden and sandbox_not_found for the same reasons as `listFiles`, payload_too_large (more than 2 MiB), and
   * as reading a session's files does.
   */
  readFile(token: string, path: string, signal: AbortSignal): Promise<string>;
}

export const shareRules: ServiceRules<ShareService> = {
  create: { may: 'work', audit: 'share.create' },
  list: { may: 'work', audit: null },
  revoke: { may: 'work', audit: 'share.revoke' },
};
