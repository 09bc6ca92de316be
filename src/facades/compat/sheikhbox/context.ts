import type { SignedUrls } from '../../../auth/signed-url.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import { describeFailures, detailFailures } from '../../../http/errors/failure-docs.ts';
import type { Idempotency } from '../../../http/guard/idempotency.ts';
import type { HttpLogger } from '../../../http/routes/observe.ts';
import { createRouteDescriber } from '../../../http/routes/route-docs.ts';
import type { SseContext } from '../../../http/transport/sse.ts';
import type { SocketServer } from '../../../http/transport/ws.ts';
import type { DesktopService } from '../../../sessions/api/desktop.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { ShareService } from '../../../sessions/api/shares.ts';
import type { UploadService } from '../../../sessions/projects/uploads.ts';
import { envelopeStyle } from '../../shared/envelope.ts';
import type { FileInfos } from './files/file-infos.ts';
import type { Profile } from './stream/events.ts';

export interface SheikhboxDeps {
  readonly sessions: SessionService;
  readonly shares: ShareService;
  readonly idempotency: Idempotency;
  readonly sse: SseContext;
  readonly clock: Clock;
  readonly logger: HttpLogger;
  readonly profile: Profile;
  readonly sockets: SocketServer;
  readonly signed: SignedUrls;
  /** Undefined: uploads are not available. */
  readonly uploads?: Pick<UploadService, 'stage' | 'keep' | 'get'> | undefined;
  /** Reads the files attached to a session's messages; permission to read the session is enough. */
  readonly attached?: Pick<UploadService, 'get'> | undefined;
  readonly maxUploadBytes: number;
  /** Undefined: sandboxes have no screen. */
  readonly desktop?: DesktopService;
  /** Passes a viewer's clipboard on to the sandbox. */
  readonly clipboard?: boolean;
}
/** The dependencies and caches that the routes of this facade share. */
export interface SheikhboxContext extends SheikhboxDeps {
  readonly infos: FileInfos;
  readonly frameOf: (event: SessionEvent) => Buffer | undefined;
  readonly textOf: (event: SessionEvent) => string;
}

export const sessionsPath = '/api/v1/sessions';

/** Describes a route whose errors use the envelope. */
export const describeRoute = createRouteDescriber({
  tag: 'SheikhBox',
  prefix: 'sheikhbox',
  failures: describeFailures(envelopeStyle),
});
/** Describes a route outside of `/api/v1/sessions`, where errors are `{detail}`. */
export const describeOtherRoute = createRouteDescriber({
  tag: 'SheikhBox',
  prefix: 'sheikhbox',
  failures: detailFailures,
});
