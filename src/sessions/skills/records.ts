import { z } from 'zod';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError, unlessConflict } from '../../core/errors/errors.ts';
import type { Skill, SkillVersion } from '../api/server/skills.ts';

const StoredSkill = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  displayName: z.string().nullable(),
  owner: z.string().optional(),
  shared: z.boolean(),
  latestVersion: z.string(),
  /** The number of the newest version that ever was, so that no number comes twice. */
  lastNumber: z.int(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type StoredSkill = Skill & { readonly lastNumber: number };
const StoredVersion = z.object({
  id: z.string(),
  skillId: z.string(),
  number: z.int(),
  name: z.string(),
  description: z.string(),
  license: z.string().nullable(),
  compatibility: z.string().nullable(),
  allowedTools: z.array(z.string()),
  files: z.array(z.object({ path: z.string(), size: z.int(), executable: z.boolean() })),
  createdAt: z.number(),
  /** The blob with the contents of all files, one after another, in their order. */
  blob: z.string(),
});
export type StoredVersion = SkillVersion & { readonly blob: string };

const kinds = { skill: 'skill', version: 'skill-version', name: 'skill-name' } as const;
const missing = (what: string) => new AppError('not_found', `There is no such ${what}.`);

/** The skills of a store. A name is a record of its own, so that two uploads at once cannot both have it. */
export class SkillRecords {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  async all(): Promise<StoredSkill[]> {
    return (await this.#records.list(kinds.skill)).map(({ doc }) => StoredSkill.parse(doc));
  }

  /** Rejects: not_found. */
  async get(id: string): Promise<StoredSkill> {
    const found = await this.#records.get(kinds.skill, id);
    if (!found) throw missing('skill');
    return StoredSkill.parse(found.doc);
  }

  /** Rejects: conflict when the owner, or everybody, has a skill of this name already. */
  async create(skill: StoredSkill): Promise<void> {
    const doc = { id: skill.id };
    const put = { kind: kinds.name, id: nameKey(skill), doc, expect: 0 };
    if ((await this.#records.put(put).catch(unlessConflict)) === undefined)
      throw new AppError(
        'conflict',
        `There is a skill ${skill.name} already. Add a version to it, or delete it first.`,
      );
    await this.#records.put({ kind: kinds.skill, id: skill.id, doc: skill, expect: 0 });
  }

  /** Changes the present record; a write of another server meanwhile is kept. */
  async change(id: string, change: (now: StoredSkill) => StoredSkill): Promise<StoredSkill> {
    for (;;) {
      const found = await this.#records.get(kinds.skill, id);
      if (!found) throw missing('skill');
      const next = change(StoredSkill.parse(found.doc));
      const put = { kind: kinds.skill, id, doc: next, expect: found.version };
      if ((await this.#records.put(put).catch(unlessConflict)) !== undefined) return next;
    }
  }

  /** After its versions: a deletion that ends half-way can be repeated. */
  async delete(skill: StoredSkill): Promise<void> {
    await this.#records.delete(kinds.name, nameKey(skill));
    await this.#records.delete(kinds.skill, skill.id);
  }

  /** The newest first. */
  async versions(skillId: string): Promise<StoredVersion[]> {
    const found = await this.#records.list(kinds.version, { idPrefix: `${skillId}:` });
    return found.map(({ doc }) => StoredVersion.parse(doc)).sort((a, b) => b.number - a.number);
  }

  async addVersion(version: StoredVersion): Promise<void> {
    const id = `${version.skillId}:${version.id}`;
    await this.#records.put({ kind: kinds.version, id, doc: version, sort: version.number, expect: 0 });
  }

  async deleteVersion({ skillId, id }: StoredVersion): Promise<void> {
    await this.#records.delete(kinds.version, `${skillId}:${id}`);
  }

  /** By its id, its number, or `latest`. Rejects: not_found. */
  async version(skillId: string, wanted: string): Promise<StoredVersion> {
    const all = await this.versions(skillId);
    const found =
      wanted === 'latest' ? all[0] : all.find(({ id, number }) => id === wanted || String(number) === wanted);
    if (!found) throw missing('version of the skill');
    return found;
  }
}

const nameKey = ({ name, owner, shared }: Pick<Skill, 'name' | 'owner' | 'shared'>) =>
  shared ? `:${name}` : `${owner ?? ''}:${name}`;
