import type { SessionRecord } from '../../../core/model/records.ts';
import type { SessionSkillInfo } from '../../api/sessions.ts';
import type { SandboxAccess } from '../../engine/sandbox/sandbox-access.ts';
import type { OfferedSkill } from '../../run/skills/skill-set.ts';
import { findWorkspaceSkills } from '../../run/skills/workspace-skills.ts';

interface SkillSources {
  readonly uploaded: readonly OfferedSkill[];
  readonly sandboxes: Pick<SandboxAccess, 'look'>;
}

/** An uploaded skill overrides a workspace skill of the same name. */
export async function listSessionSkills(
  { id, repositories = [] }: SessionRecord,
  { uploaded, sandboxes }: SkillSources,
  signal: AbortSignal,
): Promise<readonly SessionSkillInfo[]> {
  const own = uploaded.map(
    ({ name, description, argumentHint, version }): SessionSkillInfo => ({
      ...{ name, description, argumentHint, version },
      source: 'uploaded',
    }),
  );
  const client = await sandboxes.look(id, signal);
  if (!client) return own;
  const folders = repositories.map(({ path }) => path);
  const found = (await findWorkspaceSkills(client, folders, signal)).skills.filter(
    ({ name }) => !own.some((one) => one.name === name),
  );
  return [
    ...own,
    ...found.map(
      ({ name, description, argumentHint }): SessionSkillInfo => ({
        ...{ name, description, argumentHint, version: null },
        source: 'workspace',
      }),
    ),
  ];
}
