import { join } from 'node:path';
import { readTemplates } from '../../src/main/read-templates.ts';
import { templateService } from '../../src/session/projects/templates.ts';
import { toolRegistry } from '../../src/tools/registry.ts';

/** The server's own templates. */
export const templates = templateService(
  readTemplates(
    { template: undefined, models: { compatible: {} } },
    toolRegistry(),
    join(import.meta.dirname, 'no-such-folder'),
  ),
);
