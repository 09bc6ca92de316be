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
  /** Undefined: uploads are not available. */
  readonly uploads?: Pick<UploadService, 'stage' | 'keep' | 'get'>;
  /** Reads the files attached to a session's messages; permission to read the session is enough. */
  readonly attached?: Pick<UploadService, 'get'>;
  readonly maxUploadBytes: number;
  /** Undefined: sandboxes have no screen. */
  readonly desktop?: DesktopService;
  /** Passes a viewer's clipboard on to the sandbox. */
  readonly clipboard?: boolean;
}
/** The dependencies and caches that the routes of this dialect share. */
export interface SheikhboxContext extends SheikhboxDeps {
  readonly infos: FileInfos;
  readonly frameOf: (event: SessionEvent) => Buffer | undefined;
  readonly textOf: (event: SessionEvent) => string;
}

export const base = '/api/v1/sessions';

/** An id of any other form is an unknown session, never a bad request. */
export function sessionId(given: string): SessionId {
  const parsed = SessionId.safeParse(given);
  if (!parsed.success) throw new AppError('session_not_found', 'Session not found');
  return parsed.data;
}
