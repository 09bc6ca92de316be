import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { type ResourceOwnership, selectPreferredResource, toHolderKey } from '../../core/model/access/holder.ts';
import { buildLogKind, builtTemplateKind, templateBuildKind } from '../../core/model/records.ts';
import { BuildLogEntry, BuiltTemplate, TemplateBuild } from '../../core/model/sandboxes/built-template.ts';
import { Collection, type OwnerLimit } from '../../storage/collection.ts';

export const defaultTemplateTag = 'default';
const maxTags = 20;
const missing = () => new AppError('not_found', 'There is no such built template.');
const noBuild = () => new AppError('not_found', 'There is no such build of this template.');
const sortOf = ({ at }: { readonly at: number }) => at;
const Log = z.object({ entries: z.array(BuildLogEntry) });

export const isOpenBuild = ({ status }: TemplateBuild): boolean => status === 'building' || status === 'waiting';

export class BuildRecords extends ServerComponent<Pick<ServerDependencies, 'records'>> {
  readonly #templates = new Collection<BuiltTemplate>(this.deps.records, {
    kind: builtTemplateKind,
    schema: BuiltTemplate,
    sortOf,
    missing,
  });
  readonly #builds = new Collection<TemplateBuild>(this.deps.records, {
    kind: templateBuildKind,
    schema: TemplateBuild,
    sortOf,
    missing: noBuild,
  });
  readonly inTurn = createKeyedQueue();

  async templates(holder?: ResourceOwnership): Promise<readonly BuiltTemplate[]> {
    return await (holder ? this.#templates.listHeldBy(holder) : this.#templates.list());
  }

  async builds(holder?: ResourceOwnership): Promise<readonly TemplateBuild[]> {
    return await (holder ? this.#builds.listHeldBy(holder) : this.#builds.list());
  }

  async listFor(owner?: string, parents: readonly string[] = []): Promise<readonly BuiltTemplate[]> {
    return (await this.#templates.listFor(owner, { parents })).sort((a, b) => b.at - a.at);
  }

  /** Rejects: not_found. */
  template(id: string): Promise<BuiltTemplate> {
    return this.#templates.get(id);
  }

  /**
   * Without `owner`, skips users' and projects' templates, so that none of them can take over a name that an
   * administrator looks up. Rejects: not_found, conflict (several projects use the name).
   */
  async find(named: string, owner?: string, projects?: readonly string[]): Promise<BuiltTemplate> {
    const [bare] = named.split(':');
    const all = await this.listFor(owner, projects);
    const isNobodys = (one: BuiltTemplate) => toHolderKey(one) === '';
    const ofName = all.filter((one) => one.name === bare && (owner !== undefined || isNobodys(one)));
    const found = all.find(({ id }) => id === bare) ?? selectPreferredResource(ofName);
    if (!found) throw missing();
    return found;
  }

  async findFor(session: ResourceOwnership, named: string): Promise<BuiltTemplate> {
    const [bare] = named.split(':');
    const all = await this.#templates.listUsable(session);
    const found = all.find(({ id }) => id === bare) ?? all.find(({ name }) => name === bare);
    if (!found) throw missing();
    return found;
  }

  /** Rejects: not_found. */
  async build(templateId: string, buildId: string): Promise<TemplateBuild> {
    const build = await this.#builds.get(buildId);
    if (build.templateId !== templateId) throw noBuild();
    return build;
  }

  async log(buildId: string): Promise<readonly BuildLogEntry[]> {
    const found = await this.deps.records.get(buildLogKind, buildId);
    return found ? Log.parse(found.doc).entries : [];
  }

  /** Each rule receives the holder's existing templates or builds, and can reject. */
  async begin(
    { template, build }: { readonly template: () => BuiltTemplate; readonly build: TemplateBuild },
    rules: {
      readonly now: number;
      readonly template: OwnerLimit<BuiltTemplate>['admit'];
      readonly build: OwnerLimit<TemplateBuild>['admit'];
    },
  ): Promise<void> {
    const { now } = rules;
    await this.#templates.admitted({ now, admit: rules.template }, template(), () =>
      this.#builds.admitted({ now, admit: rules.build }, build, async () => {
        await this.#templates.create(template()).catch(ignoreConflict);
        await this.putBuild({ ...build, templateId: template().id });
      }),
    );
  }

  async putBuild(doc: TemplateBuild): Promise<void> {
    await this.deps.records.put({ kind: templateBuildKind, id: doc.id, doc, sort: doc.at });
  }

  async deleteTemplate(template: BuiltTemplate): Promise<void> {
    const { id } = template;
    await this.inTurn(toHolderKey(template), () => this.deps.records.delete(builtTemplateKind, id));
  }

  async deleteBuild({ id }: TemplateBuild): Promise<void> {
    await this.deps.records.delete(buildLogKind, id);
    await this.deps.records.delete(templateBuildKind, id);
  }

  /** Calls `change` again after a concurrent write by another server. Rejects: not_found, quota. */
  async changeTags(
    { id }: Pick<BuiltTemplate, 'id'>,
    change: (template: BuiltTemplate) => BuiltTemplate['tags'],
  ): Promise<BuiltTemplate> {
    return await this.#templates.change(id, (template) => {
      const tags = change(template);
      const count = Object.keys(tags).length;
      if (count > maxTags && count > Object.keys(template.tags).length) {
        throw new AppError('quota', `A template has at most ${maxTags} tags. Remove one first.`);
      }
      return { ...template, tags };
    });
  }
}
