import { join } from 'node:path';
import { readTemplates } from '../../../src/app/parts/read-templates.ts';
import { createTemplateService } from '../../../src/sessions/projects/templates.ts';

export const templates = createTemplateService(
  readTemplates({ template: undefined, models: { compatible: {} } }, join(import.meta.dirname, 'no-such-folder')).map(
    ({ template }) => template,
  ),
);
