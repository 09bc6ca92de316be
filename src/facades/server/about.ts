import { createRouteDescriber } from '../../http/routes/route-docs.ts';
import { serverFailures } from '../shared/server-failures.ts';

/** Describes a route that belongs to the server and to no facade. */
export const describeRoute = createRouteDescriber({ tag: 'Server', prefix: '', failures: serverFailures });
