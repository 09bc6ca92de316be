import { z } from 'zod';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';

export const about = describing({ tag: 'Streams', prefix: 'streams', failures: detailFailures });
export const Params = z.object({ sid: z.string().describe('the session') });
