import type { ModelCapabilities } from '../model.ts';
import type { ReasoningLevel } from '../provider.ts';

/** Later versions refuse forced tool use, except for Haiku. Every Fable version refuses it. */
const lastForced = 5;

/** The newest Claude models refuse forced tool use. Other models refuse it only while reasoning. */
export function findClaudeCapabilities(
  model: string,
  reasoning: ReasoningLevel,
): Pick<ModelCapabilities, 'forcedTool' | 'maxOutput'> {
  const { family, version } = parseVersion(model);
  const isOld = /claude-[23]/.test(model);
  const refuses = family === 'fable' || (!isOld && (version === 0 || (version > lastForced && family !== 'haiku')));
  const reasons = reasoning !== 'default' && reasoning !== 'none';
  return { forcedTool: !refuses && !reasons, maxOutput: isOld ? 4_096 : version < 4.6 ? 32_000 : 128_000 };
}

export function findClaudeComputerType(
  model: string,
): 'computer_20250124' | 'computer_20251124' | 'computer_toolset_20260801' | undefined {
  const { family, version } = parseVersion(model);
  if (family === 'fable' || version >= 4.8) return 'computer_toolset_20260801';
  const knowsZoom = (family === 'opus' && version >= 4.5) || (family === 'sonnet' && version >= 4.6);
  if (knowsZoom) return 'computer_20251124';
  return version >= 4 || /claude-3-7-sonnet/.test(model) ? 'computer_20250124' : undefined;
}

function parseVersion(model: string): { readonly family: string | undefined; readonly version: number } {
  const [, family, major = '0', minor = '0'] = /claude-([a-z]+)-(\d+)(?:-(\d{1,2})(?!\d))?/.exec(model) ?? [];
  return { family, version: Number(major) + Number(minor) / 10 };
}
