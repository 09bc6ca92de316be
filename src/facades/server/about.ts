import { createRouteDescriber } from '../../http/routes/route-docs.ts';
import { serverFailures } from '../shared/server-failures.ts';

/** Describes a route of the server itself, outside of any facade. */
export const describeRoute = createRouteDescriber({ tag: 'Server', prefix: '', failures: serverFailures });
