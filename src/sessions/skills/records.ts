import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { skillVersionKind } from '../../core/model/records.ts';
import { Collection } from '../../storage/collection.ts';
import { Skill, SkillVersion } from '../api/server/skills.ts';

/** Parsed from a name such as `pdf`, or `pdf@3` for a specific version. */
interface SkillPin {
  readonly name: string;
  /** Null for the newest version. */
  readonly version: number | null;
}
export function parseSkillPin(pin: string): SkillPin {
  const [name = '', version] = pin.split('@');
  return { name, version: version === undefined ? null : Number(version) };
}

const StoredSkill = Skill.extend({
  /** Highest version number ever used, so that no number is reused. */
  lastNumber: z.int(),
});
export type StoredSkill = z.infer<typeof StoredSkill>;
const StoredVersion = SkillVersion.extend({
  /** Blob with the concatenated contents of all files, in order. */
  blob: z.string(),
});
export type StoredSkillVersion = z.infer<typeof StoredVersion>;

const kinds = { skill: 'skill', version: skillVersionKind } as const;
export const versionRecordIdOf = ({ skillId, id }: Pick<StoredSkillVersion, 'skillId' | 'id'>) => `${skillId}:${id}`;
const maxSkills = 100; // per owner
const missing = (what: string) => new AppError('not_found', `There is no such ${what}.`);

/** Names are unique per owner, per project, and among shared skills. */
export class SkillRecords extends ServerComponent<Pick<ServerDependencies, 'records'>> {
  readonly #skills = new Collection<StoredSkill>(this.deps.records, {
    kind: kinds.skill,
    schema: StoredSkill,
    missing: () => missing('skill'),
  });

  list(owner: string | undefined, parents: readonly string[]): Promise<StoredSkill[]> {
    return this.#skills.listFor(owner, { shared: true, parents });
  }

  get(id: string): Promise<StoredSkill> {
    return this.#skills.get(id);
  }

  /** Rejects: conflict (the name is taken, possibly by a shared skill), quota. */
  async create(skill: StoredSkill): Promise<void> {
    const text = `There are already ${maxSkills} skills. Delete some first.`;
    const stored = await this.#skills
      .create(skill, { most: maxSkills, text, now: skill.createdAt })
      .catch(ignoreConflict);
    if (stored) return;
    throw new AppError('conflict', `The skill ${skill.name} already exists. Add a version to it, or delete it first.`);
  }

  change(id: string, change: (now: StoredSkill) => StoredSkill): Promise<StoredSkill> {
    return this.#skills.change(id, change);
  }

  /** Call after deleting the versions, so that an interrupted deletion can be repeated. */
  async delete(skill: StoredSkill): Promise<void> {
    await this.#skills.delete(skill.id);
  }

  /** Newest first. */
  async versions(skillId: string): Promise<StoredSkillVersion[]> {
    const found = await this.deps.records.list(kinds.version, { idPrefix: `${skillId}:` });
    return found.map(({ doc }) => StoredVersion.parse(doc)).sort((a, b) => b.number - a.number);
  }

  async addVersion(version: StoredSkillVersion): Promise<void> {
    await this.deps.records.put({
      kind: kinds.version,
      id: versionRecordIdOf(version),
      doc: version,
      sort: version.number,
      expect: 0,
    });
  }

  async deleteVersion(version: StoredSkillVersion): Promise<void> {
    await this.deps.records.delete(kinds.version, versionRecordIdOf(version));
  }

  /** `target` is an id, a number, or `latest`. Rejects: not_found. */
  async version(skillId: string, target: string): Promise<StoredSkillVersion> {
    const all = await this.versions(skillId);
    const found =
      target === 'latest' ? all[0] : all.find(({ id, number }) => id === target || String(number) === target);
    if (!found) throw missing('version of the skill');
    return found;
  }
}
