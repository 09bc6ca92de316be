import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ListeningPort } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

export type { ListeningPort } from '../../sandboxes/client/abilities.ts';

export type PreviewTarget = number | 'files';

/** A URL at which a browser can open a sandbox's port or files, until it expires or is closed. */
export const PreviewView = z.object({
  id: z.string(),
  of: z.union([z.int(), z.literal('files')]),
  /** Only files in or below this workspace folder are shown; absent: all files. */
  folder: z.string().optional(),
  createdAt: z.number(), // epoch ms
  expiresAt: z.number(), // epoch ms
  /**
   * The API key that opened the preview and on whose behalf it acts; absent: opened without a key, such as with the server's
   * token.
   */
  key: z.string().optional(),
});
export type PreviewView = z.infer<typeof PreviewView>;
export interface PreviewRequest extends Pick<PreviewView, 'of' | 'folder' | 'key'> {
  readonly lifeMs: number;
}

/** Ports of a session's sandbox and their previews. Every method also rejects with session_not_found. */
export interface PortService {
  /**
   * Ports that programs listen on, except Corral's own. Does not start the sandbox. Empty if the sandbox is not running or not
   * isolated: without isolation, its ports are the host's.
   */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ListeningPort[]>;
  /** Rejects: forbidden (a port that cannot be opened), conflict (100 previews are open already). */
  open(id: SessionId, requested: PreviewRequest): Promise<PreviewView>;
  opened(id: SessionId): Promise<readonly PreviewView[]>;
  /** Closes the preview and its connections. Also succeeds if the preview does not exist. */
  close(id: SessionId, preview: string): Promise<void>;
  /**
   * Connects to a port of a running sandbox, which is in use until the stream closes. Rejects: forbidden (a port that cannot be
   * opened), not_found (nothing listens), sandbox_not_found (not running; previews do not start it).
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
