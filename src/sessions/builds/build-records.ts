import { z } from 'zod';
import { keyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { buildLogKind, builtTemplateKind, templateBuildKind } from '../../core/model/records.ts';
import { BuildLogEntry, BuiltTemplate, TemplateBuild } from '../../core/model/sandboxes/built-template.ts';
import { changeRecord } from '../../storage/collection.ts';

export const usualTag = 'default';
const maxTags = 20;
const missing = () => new AppError('not_found', 'There is no such built template.');
const Log = z.object({ entries: z.array(BuildLogEntry) });

export const isOpen = ({ status }: TemplateBuild): boolean => status === 'building' || status === 'waiting';

/** The templates, their builds and the logs of those, as the store has them. */
export class BuildRecords {
  readonly #records: RecordStore;
  /** Changes of one owner's templates happen one after the other. */
  readonly inTurn = keyedQueue();

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** All owners' without one; null: those that have none. */
  async templates(owner?: string | null): Promise<readonly BuiltTemplate[]> {
    const found = await this.#records.list(builtTemplateKind, owner === undefined ? {} : { owner });
    return found.map(({ doc }) => BuiltTemplate.parse(doc));
  }

  async builds(owner?: string | null): Promise<readonly TemplateBuild[]> {
    const found = await this.#records.list(templateBuildKind, owner === undefined ? {} : { owner });
    return found.map(({ doc }) => TemplateBuild.parse(doc));
  }

  /** Rejects: not_found. */
  async template(id: string): Promise<BuiltTemplate> {
    const found = await this.#records.get(builtTemplateKind, id);
    if (!found) throw missing();
    return BuiltTemplate.parse(found.doc);
  }

  /**
   * By id or name, with a tag or without. Without an owner it finds every template by its id, but by name only those of nobody:
   * else a person could give a template a name for which an administrator's program asks. Rejects: not_found.
   */
  async find(named: string, owner?: string): Promise<BuiltTemplate> {
    const [bare] = named.split(':');
    const all = await this.templates(owner);
    const found =
      all.find(({ id }) => id === bare) ?? all.find((one) => one.name === bare && (one.owner ?? '') === (owner ?? ''));
    if (!found) throw missing();
    return found;
  }

  /** Rejects: not_found. */
  async build(templateId: string, buildId: string): Promise<TemplateBuild> {
    const found = await this.#records.get(templateBuildKind, buildId);
    const build = found && TemplateBuild.parse(found.doc);
    if (build?.templateId !== templateId) throw new AppError('not_found', 'There is no such build of this template.');
    return build;
  }

  async log(buildId: string): Promise<readonly BuildLogEntry[]> {
    const found = await this.#records.get(buildLogKind, buildId);
    return found ? Log.parse(found.doc).entries : [];
  }

  async putTemplate(doc: BuiltTemplate): Promise<void> {
    await this.#records.put({ kind: builtTemplateKind, id: doc.id, doc, sort: doc.at });
  }

  async putBuild(doc: TemplateBuild): Promise<void> {
    await this.#records.put({ kind: templateBuildKind, id: doc.id, doc, sort: doc.at });
  }

  async deleteTemplate({ id, owner }: BuiltTemplate): Promise<void> {
    await this.inTurn(owner ?? '', () => this.#records.delete(builtTemplateKind, id));
  }

  async deleteBuild({ id }: TemplateBuild): Promise<void> {
    await this.#records.delete(buildLogKind, id);
    await this.#records.delete(templateBuildKind, id);
  }

  /** Changes the tags as they are at the write, also when another server changes them. Rejects: not_found, quota. */
  async changeTags(
    { id }: Pick<BuiltTemplate, 'id'>,
    change: (template: BuiltTemplate) => BuiltTemplate['tags'],
  ): Promise<BuiltTemplate> {
    const place = { kind: builtTemplateKind, id };
    const changed = await changeRecord(this.#records, place, (found): { doc: BuiltTemplate; sort: number } => {
      if (!found) throw missing();
      const template = BuiltTemplate.parse(found.doc);
      const tags = change(template);
      const count = Object.keys(tags).length;
      if (count > maxTags && count > Object.keys(template.tags).length) {
        throw new AppError('quota', `A template has at most ${maxTags} tags. Take one off first.`);
      }
      return { doc: { ...template, tags }, sort: template.at };
    });
    return changed as BuiltTemplate;
  }
}
