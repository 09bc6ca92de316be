import type { ToolGroup } from '../../../agents/tools/tool.ts';
import type { Template } from '../../../core/model/template.ts';
import type { ServiceRules } from '../rules.ts';

export interface TemplateInfo extends Template {
  readonly groups: readonly ToolGroup[];
}

/** Agent templates, fixed until the server restarts. */
export interface TemplateService {
  /** Built-in templates first, then the operator's. */
  list(): readonly TemplateInfo[];
  /** Throws: invalid_request, which lists the valid names. */
  get(name: string): TemplateInfo;
  find(name: string): TemplateInfo | undefined;
}

export interface TemplateUnavailability {
  readonly reason: string;
  readonly remedy: string;
}
export interface TemplateListService extends Pick<TemplateService, 'list'> {
  /** Undefined if the template is usable. Also reports a missing key, although sessions can start without one. */
  whyNot(template: TemplateInfo): Promise<TemplateUnavailability | undefined>;
}

export const templateRules: ServiceRules<TemplateListService> = {
  list: { may: 'any', audit: null },
  whyNot: { may: 'any', audit: null },
};
