import type { ToolFamily } from '../../core/model/events.ts';
import { toolDescriptions } from './list.ts';
import type { FacadeCallMapper, ToolDescription, ToolNamingScheme } from './tool.ts';
import { managedAgentsToolset } from './toolset.ts';

// Logs and tool servers may name unknown tools, so every lookup has a fallback.

const named: readonly ToolDescription[] = [...toolDescriptions, ...managedAgentsToolset];
const known = new Map(named.map((tool) => [tool.name, tool]));

type ToolLabelInfo = Pick<ToolDescription, 'name' | 'family' | 'group' | 'label'>;
export const toolLabels: readonly ToolLabelInfo[] = named.map(({ name, family, group, label }) => ({
  name,
  family,
  group,
  label,
}));

export function findToolFamily(name: string): ToolFamily {
  const prefix = name.split('_')[0] ?? '';
  return known.get(name)?.family ?? families.get(prefix) ?? 'mcp';
}
const families = new Map<string, ToolFamily>([
  ...toolDescriptions
    .filter(({ name, family }) => name.startsWith(`${family}_`))
    .map(({ family }) => [family, family] as const),
  ['info', 'search'],
]);

export const toFacadeCall = (
  facade: ToolNamingScheme,
  { name, args }: { readonly name: string; readonly args: Parameters<FacadeCallMapper>[0] },
  path: Parameters<FacadeCallMapper>[1],
): ReturnType<FacadeCallMapper> => known.get(name)?.calledIn[facade]?.(args, path) ?? { name, args };
