import { compileGlobs } from '../../core/text/glob.ts';
import { toolDescriptions } from './list.ts';
import { type ToolDescription, type ToolGroup, toolGroups } from './tool.ts';

export interface ToolRules {
  readonly allow?: readonly string[] | undefined;
  /** Takes precedence over `allow`. */
  readonly deny?: readonly string[] | undefined;
}
type SelectableTool = Pick<ToolDescription, 'name' | 'group'>;

export function allowsTool({ allow, deny }: ToolRules, tool: SelectableTool): boolean {
  if (deny !== undefined && names(deny, tool)) return false;
  return allow === undefined || tool.group === 'always' || names(allow, tool);
}

const names = (list: readonly string[], { name, group }: SelectableTool): boolean =>
  list.length > 0 && (list.includes(group) || compileGlobs(list)(name));

export const findAllowedGroups = (rules: ToolRules): ToolGroup[] =>
  toolGroups.filter((group) => toolDescriptions.some((tool) => tool.group === group && allowsTool(rules, tool)));
