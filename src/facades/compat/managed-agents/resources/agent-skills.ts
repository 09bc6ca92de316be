import { z } from 'zod';
import type { SkillService } from '../../../../sessions/api/server/skills.ts';
import { invalidRequestError, rethrowNotFoundAs, unsupportedFieldError } from '../errors.ts';

const maxSkills = 50;

export const SkillsInput = z
  .array(
    z.strictObject({
      type: z.enum(['custom', 'anthropic']),
      skill_id: z.string().min(1).max(200),
      version: z.string().min(1).max(200).nullable().optional(),
    }),
  )
  .max(maxSkills)
  .nullable()
  .optional();
/** Creating a session resolves `latest`; the session stores the version's id. */
export const AgentSkill = z.object({ type: z.literal('custom'), skill_id: z.string(), version: z.string() });
export type AgentSkill = z.output<typeof AgentSkill>;

/** Fills in every field. Throws: invalid_request. */
export function parseAgentSkills(input: z.output<typeof SkillsInput>): AgentSkill[] {
  const all = (input ?? []).map(({ type, skill_id, version }, n) => {
    if (type === 'anthropic')
      throw unsupportedFieldError(`skills.${n}.type "anthropic"`, 'upload the skill, and name its id with "custom"');
    return { type, skill_id, version: version ?? 'latest' };
  });
  const ids = all.map(({ skill_id: id }) => id);
  const twice = ids.find((id, n) => ids.indexOf(id) !== n);
  if (twice !== undefined) throw invalidRequestError(`skills: ${twice} is there twice.`);
  return all;
}

/** Rejects: not_found, invalid_request (two skills have the same name). */
export async function resolveSkillVersions(
  named: readonly AgentSkill[],
  skills: Pick<SkillService, 'version'>,
): Promise<AgentSkill[]> {
  const find = ({ skill_id: id, version }: AgentSkill, n: number) =>
    skills
      .version(id, version)
      .catch(rethrowNotFoundAs(`skills.${n}: there is no skill ${id} with the version ${version}.`));
  const versions = await Promise.all(named.map(find));
  const names = versions.map(({ name }) => name);
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined)
    throw invalidRequestError(`skills: two of them are called ${twice}. A session can have one of them.`);
  return named.map((one, n) => ({ ...one, version: versions[n]?.id ?? one.version }));
}
