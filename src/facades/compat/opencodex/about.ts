import {
  createFailureDescriber,
  detailReply,
  invalidFieldsReply,
  otherFailureReply,
} from '../../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../../http/routes/route-docs.ts';

export const describeRoute = createRouteDescriber({
  tag: 'OpenCodex',
  prefix: 'opencodex',
  failures: createFailureDescriber({
    always: [400, 401, 403, 429, 500, 503],
    of: (status, text) => (status === 422 ? invalidFieldsReply('name') : detailReply(text)),
    other: otherFailureReply,
  }),
});
