import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ListeningPort } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

export type { ListeningPort } from '../../sandboxes/client/abilities.ts';

export type PreviewTarget = number | 'files';

export const PreviewView = z.object({
  id: z.string(),
  of: z.union([z.int(), z.literal('files')]),
  /** Limits the preview to files in or below this workspace folder. */
  folder: z.string().optional(),
  createdAt: z.number(), // epoch ms
  expiresAt: z.number(), // epoch ms
  /** The API key on whose behalf the preview acts. Absent if the preview was opened without a key. */
  key: z.string().optional(),
});
export type PreviewView = z.infer<typeof PreviewView>;
export interface PreviewRequest extends Pick<PreviewView, 'of' | 'folder' | 'key'> {
  readonly lifeMs: number;
}

/** Every method can also reject with session_not_found. */
export interface PortService {
  /** Omits Corral's own ports. Empty if the sandbox is not running or shares the host's ports. */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ListeningPort[]>;
  /** Rejects: forbidden (a port that cannot be opened), conflict (100 previews are open already). */
  open(id: SessionId, requested: PreviewRequest): Promise<PreviewView>;
  opened(id: SessionId): Promise<readonly PreviewView[]>;
  /** Also closes the preview's connections. Succeeds even if the preview does not exist. */
  close(id: SessionId, preview: string): Promise<void>;
  /**
   * Keeps the sandbox in use until the stream closes. Rejects: forbidden (a port that cannot be opened), not_found
   * (nothing is listening), sandbox_not_found (not running).
   */
  connect(id: SessionId, port: number, signal: AbortSignal): Promise<Duplex>;
}

export const portRules: ServiceRules<PortService> = {
  list: { may: 'read', audit: 'look' },
  open: { may: 'guarded', audit: 'preview.open' },
  opened: { may: 'work', audit: null },
  close: { may: 'work', audit: 'preview.close' },
  connect: { may: 'work', audit: 'look' },
};
