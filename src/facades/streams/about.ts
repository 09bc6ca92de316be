import { z } from 'zod';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../http/routes/route-docs.ts';

export const describeRoute = createRouteDescriber({ tag: 'Streams', prefix: 'streams', failures: detailFailures });
export const Params = z.object({ sid: z.string().describe('the session') });
