import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { SessionId } from '../../core/model/ids.ts';
import type { ListeningPort } from '../../sandboxes/client/abilities.ts';
import type { ServiceRules } from './rules.ts';

export type { ListeningPort } from '../../sandboxes/client/abilities.ts';

/** The target of a preview: a port of the sandbox, or files of the workspace. */
export type PreviewTarget = number | 'files';

/** An address under which a browser sees a port or the files of a sandbox, until it expires or is closed. */
export const PreviewView = z.object({
  id: z.string(),
  of: z.union([z.int(), z.literal('files')]),
  /** Only the files of this folder of the workspace are shown, and of those below it; absent: all. */
  folder: z.string().optional(),
  createdAt: z.number(), // epoch ms
  expiresAt: z.number(), // epoch ms
  /** The API key that opened it, on whose behalf it acts; absent for the server's own token. */
  key: z.string().optional(),
});
export type PreviewView = z.infer<typeof PreviewView>;
export interface PreviewRequest extends Pick<PreviewView, 'of' | 'folder' | 'key'> {
  readonly lifeMs: number;
}

/** The ports of a session's sandbox, and the previews of them. Every method also rejects with session_not_found. */
export interface PortService {
  /**
   * The ports on which programs listen, without the sandbox's own. Empty, without starting a sandbox, when none runs, and
   * where nothing isolates the sandbox: its ports are those of the server's machine.
   */
  list(id: SessionId, signal: AbortSignal): Promise<readonly ListeningPort[]>;
  /** Rejects: forbidden (a port that is never opened), conflict (100 previews are open already). */
  open(id: SessionId, requested: PreviewRequest): Promise<PreviewView>;
  /** The previews that have not expired. */
  opened(id: SessionId): Promise<readonly PreviewView[]>;
  /** Ends the preview and its connections. Succeeds when there is no such preview. */
  close(id: SessionId, preview: string): Promise<void>;
  /**
   * Connects to a port of a sandbox that runs; the sandbox is in use until the stream closes. Rejects: forbidden (a port that
   * is never opened), not_found (nothing listens), sandbox_not_found (it does not run: a preview starts none).
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
