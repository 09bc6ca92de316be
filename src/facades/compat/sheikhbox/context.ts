import type { SessionEvent } from '../../../core/model/events.ts';
import { createFailureDescriber, describeDetailFailures } from '../../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../../http/routes/route-docs.ts';
import type { Services } from '../../../sessions/api/services.ts';
import type { UploadService } from '../../../sessions/projects/uploads.ts';
import { envelopeFailureDocs } from '../../shared/envelope.ts';
import type { FacadeDeps } from '../../shared/facade.ts';
import type { FileInfoCache } from './files/file-infos.ts';
import type { SheikhboxProfile } from './stream/events.ts';

export interface SheikhboxDeps
  extends Pick<
      FacadeDeps,
      'idempotency' | 'sse' | 'clock' | 'logger' | 'sockets' | 'signed' | 'attached' | 'clipboard'
    >,
    Pick<Services, 'sessions' | 'shares'> {
  readonly desktop: Services['desktop'] | undefined;
  readonly profile: SheikhboxProfile;
  readonly uploads: UploadService | undefined;
  readonly maxUploadBytes: number;
}
export interface SheikhboxContext extends SheikhboxDeps {
  readonly infos: FileInfoCache;
  readonly frameOf: (event: SessionEvent) => Buffer | undefined;
  readonly textOf: (event: SessionEvent) => string;
}

export const sessionsPath = '/api/v1/sessions';

export const describeRoute = createRouteDescriber({
  tag: 'SheikhBox',
  prefix: 'sheikhbox',
  failures: createFailureDescriber(envelopeFailureDocs),
});
export const describeNonSessionRoute = createRouteDescriber({
  tag: 'SheikhBox',
  prefix: 'sheikhbox',
  failures: describeDetailFailures,
});
