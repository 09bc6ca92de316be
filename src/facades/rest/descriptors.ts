import { describeFacade } from '../shared/facade.ts';
import { restRoutes } from './routes.ts';

/** A section of Corral's own REST API whose routes are derived from the operations in `src/api`. */
const section = (tag: string, audience: string, page = tag.toLowerCase()) =>
  describeFacade({
    label: page,
    audience,
    tag,
    paths: [`/api/v1/${page}`],
    documents: `[${page}](docs/${page}.md), \`/docs\``,
    routes: async (parts) => [restRoutes(parts, tag)],
  });

export const webhooks = section('Webhooks', 'programs that want to hear of runs, automations and sessions');
