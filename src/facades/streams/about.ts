import { z } from 'zod';
import { describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../http/routes/route-docs.ts';
import type { Services } from '../../sessions/api/services.ts';
import type { FacadeDeps } from '../shared/facade.ts';

export const describeRoute = createRouteDescriber({
  tag: 'Streams',
  prefix: 'streams',
  failures: describeDetailFailures,
});
export const StreamParams = z.object({ sid: z.string().describe('the session') });

export interface StreamDeps extends Pick<Services, 'streams' | 'terminals' | 'files'>, Pick<FacadeDeps, 'logger'> {
  readonly context: FacadeDeps['sse'];
}
