import { findAllowedGroups } from '../../agents/tools/selection.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Template } from '../../core/model/template.ts';
import type { TemplateInfo, TemplateService } from '../api/server/templates.ts';

export function createTemplateService(templates: readonly Template[]): TemplateService {
  const all = templates.map((it): TemplateInfo => ({ ...it, groups: findAllowedGroups(it.tools) }));
  const byName = new Map(all.map((it) => [it.name, it]));
  return {
    list: () => all,
    find: (name) => byName.get(name),
    get(name) {
      const found = byName.get(name);
      if (found) return found;
      const value = JSON.stringify(name.slice(0, 80));
      const known = [...byName.keys()].join(', ');
      throw new AppError('invalid_request', `There is no template ${value}. Templates: ${known}.`, {
        field: 'template',
      });
    },
  };
}
