import type { RunOptions, VolumeMount } from '../client/index.ts';
import { type CliCommandInput, UsageError } from './command.ts';

export const goalOptions = [
  [
    '-g, --goal <rubric>',
    'what the result must satisfy; a grader judges it, and a result that misses the goal is returned to the agent',
  ],
  ['-c, --check <command...>', 'commands that must exit with 0 in the workspace before the grader is called'],
  ['--revisions <n>', 'how many times a result that misses the goal is returned to the agent; default: 3'],
] as const;

export function parseGoal(options: CliCommandInput['options']): RunOptions['goal'] {
  const rubric = options.text('goal');
  const commands = options.texts('check');
  const revisions = options.text('revisions');
  if (rubric === undefined && commands.length === 0) {
    if (revisions !== undefined) throw new UsageError('--revisions needs a goal: --goal, --check, or both.');
    return undefined;
  }
  const values = [...(rubric === undefined ? [] : [rubric]), ...commands];
  if (values.some((text) => text.trim() === '')) throw new UsageError('--goal and --check must not be empty.');
  if (revisions !== undefined && !(/^\d{1,2}$/.test(revisions) && Number(revisions) <= 20))
    throw new UsageError('--revisions must be a whole number from 0 to 20.');
  return {
    ...(rubric !== undefined && { rubric }),
    checks: commands.map((command) => ({ command })),
    ...(revisions !== undefined && { maxRevisions: Number(revisions) }),
  };
}

export const volumeOption: readonly [string, string] = [
  '--volume <volume:path...>',
  'volumes in its sandbox, such as cache:/mnt/cache to read or cache:/mnt/cache:write',
];

export function parseVolumeMounts(values: readonly string[]): readonly VolumeMount[] {
  return values.map((one) => {
    const [, volume, path, access = 'read'] = /^([^:]+):(\/[^:]+)(?::(read|write))?$/.exec(one) ?? [];
    if (volume === undefined || path === undefined) {
      throw new UsageError(`--volume ${one}: write volume:path, or volume:path:write, such as cache:/mnt/cache:write.`);
    }
    return { volume, path, access: access as 'read' | 'write' };
  });
}
