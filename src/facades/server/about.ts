import { describing } from '../../http/routes/route-docs.ts';
import { serverFailures } from '../shared/server-failures.ts';

/** Describes a route that belongs to the server and to no facade. */
export const about = describing({ tag: 'Server', prefix: '', failures: serverFailures });
