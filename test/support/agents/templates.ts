import { join } from 'node:path';
import { toolRegistry } from '../../../src/agents/tools/registry.ts';
import { readTemplates } from '../../../src/app/parts/read-templates.ts';
import { templateService } from '../../../src/sessions/projects/templates.ts';

/** The server's own templates. */
export const templates = templateService(
  readTemplates(
    { template: undefined, models: { compatible: {} } },
    toolRegistry(),
    join(import.meta.dirname, 'no-such-folder'),
  ),
);
