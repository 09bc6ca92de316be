import type { SignedUrls } from '../../auth/signed-url.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionEvent } from '../../core/events.ts';
import { SessionId } from '../../core/ids.ts';
import type { DesktopService } from '../../session/api/services.ts';
import type { SessionService } from '../../session/api/sessions.ts';
import type { UploadService } from '../../session/projects/uploads.ts';
import type { Idempotency } from '../shared/idempotency.ts';
import type { HttpLogger } from '../shared/observe.ts';
import type { SseContext } from '../shared/sse.ts';
import type { SocketServer } from '../shared/ws.ts';
import type { Profile } from './events.ts';
import type { FileInfos } from './file-infos.ts';

export interface SheikhboxDeps {
  readonly sessions: SessionService;
  readonly idempotency: Idempotency;
  readonly sse: SseContext;
  readonly clock: Clock;
  readonly logger: HttpLogger;
  readonly profile: Profile;
  readonly sockets: SocketServer;
  readonly signed: SignedUrls;
  /** Without it there are no files to upload. */
  readonly uploads?: Pick<UploadService, 'stage' | 'keep' | 'get'>;
  /** For what a session's messages have attached: who may read them may know of it. */
  readonly attached?: Pick<UploadService, 'get'>;
  readonly maxUploadBytes: number;
  /** Without it no sandbox has a screen. */
  readonly desktop?: DesktopService;
  /** A viewer's clipboard reaches the sandbox. */
  readonly clipboard?: boolean;
}
/** What the routes of this dialect share. */
export interface SheikhboxContext extends SheikhboxDeps {
  readonly infos: FileInfos;
  readonly frameOf: (event: SessionEvent) => Buffer | undefined;
  readonly textOf: (event: SessionEvent) => string;
}

export const base = '/api/v1/sessions';

/** Any other shape names no session; it is never a bad request. */
export function sessionId(given: string): SessionId {
  const parsed = SessionId.safeParse(given);
  if (!parsed.success) throw new AppError('session_not_found', 'Session not found');
  return parsed.data;
}
