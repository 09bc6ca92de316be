import type { ToolGroup } from '../../../agents/tools/tool.ts';
import type { Template } from '../../../core/model/template.ts';
import type { ServiceRules } from '../rules.ts';

/** A template, and the groups of tools of which its agents have at least one. */
export interface TemplateInfo extends Template {
  readonly groups: readonly ToolGroup[];
}

/** The recipes of agents that sessions and projects can name. They stay the same until the server's next start. */
export interface TemplateService {
  /** The server's own first, then those of the operator. */
  list(): readonly TemplateInfo[];
  /** Rejects: invalid_request, which lists the names. */
  get(name: string): TemplateInfo;
  find(name: string): TemplateInfo | undefined;
}

/** Why sessions with a template cannot start here now, and what helps. */
export interface Unavailable {
  readonly reason: string;
  readonly remedy: string;
}
/** The templates as callers see them. */
export interface TemplateList extends Pick<TemplateService, 'list'> {
  /** Undefined: sessions with it can start. */
  whyNot(template: TemplateInfo): Promise<Unavailable | undefined>;
}

export const templateRules: ServiceRules<TemplateList> = {
  list: { may: 'any', audit: null },
  whyNot: { may: 'any', audit: null },
};
