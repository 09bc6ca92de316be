import type { Abilities } from '../model.ts';
import type { Reasoning } from '../provider.ts';

/** Versions up to this one accept a forced tool while they do not reason; later ones are treated like the newest. */
const lastForced = 5;

/** The newest Claude models refuse forced tools, and no Claude model accepts them while it reasons. */
export function claude(model: string, reasoning: Reasoning): Pick<Abilities, 'forcedTool' | 'maxOutput'> {
  const [, family, major = '0', minor = '0'] = /claude-([a-z]+)-(\d+)(?:-(\d{1,2})(?!\d))?/.exec(model) ?? [];
  const isOld = /claude-[23]/.test(model);
  const version = Number(major) + Number(minor) / 10;
  const refuses = family === 'fable' || (!isOld && (version === 0 || (version > lastForced && family !== 'haiku')));
  const reasons = reasoning !== 'default' && reasoning !== 'none';
  return { forcedTool: !refuses && !reasons, maxOutput: isOld ? 4_096 : version < 4.6 ? 32_000 : 128_000 };
}
