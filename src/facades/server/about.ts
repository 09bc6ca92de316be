import { createRouteDescriber } from '../../http/routes/route-docs.ts';
import { describeServerFailures } from '../shared/server-failures.ts';

export const describeRoute = createRouteDescriber({ tag: 'Server', prefix: '', failures: describeServerFailures });
