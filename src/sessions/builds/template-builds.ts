import { buildsImages } from '../../../drivers/driver.ts';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreNotFound } from '../../core/errors/errors.ts';
import { type ResourceOwnership, toHolderKey } from '../../core/model/access/holder.ts';
import type { BuiltTemplate, TemplateBuild } from '../../core/model/sandboxes/built-template.ts';
import { expectArchive } from '../../core/text/files/archive-format.ts';
import type { BuildPlan, BuildRequest, BuiltImage, TemplateBuildService } from '../api/server/template-builds.ts';
import type { CopyStore } from '../forks/copies.ts';
import { BuildFileStore } from './build-files.ts';
import { type BaseImage, BuildQueue } from './build-queue.ts';
import { BuildRecords, defaultTemplateTag, isOpenBuild } from './build-records.ts';
import { BuiltImageStore, computeBuildExpiry } from './built-images.ts';
import { parseDockerfile } from './dockerfile.ts';
import { checkBuildPlan, computeFinalWorkdir } from './plan.ts';

export interface BuildPolicy {
  readonly allow: 'on' | 'off';
  /** Allowed base images, keyed by the names that build requests use. */
  readonly images: ReadonlyMap<string, string>;
  readonly maxSeconds: number;
  readonly atOnce: number;
  readonly ownerCount: number;
  readonly ownerFileBytes: number;
}
type QueueDeps = ConstructorParameters<typeof BuildQueue>[0];
interface Deps
  extends Omit<QueueDeps, 'policy' | 'records' | 'store' | 'files' | 'images'>,
    Pick<ServerDependencies, 'records'> {
  readonly policy: BuildPolicy;
  readonly instance: string;
  readonly blobs: Pick<BlobStore, 'put' | 'open'>;
  readonly copies: Pick<CopyStore, 'announce' | 'release'>;
  readonly reserved: (name: string) => boolean;
  readonly imagesInUse: () => Promise<ReadonlySet<string>>;
}

/** Maximum number of queued and running builds per owner, so that no owner can fill the queue. */
const openBuilds = 10;
const cleanUpMs = 60_000;
const lostText = 'The server stopped while it was building the template. Build it again.';

export class TemplateBuildManager extends ServerComponent<Deps> {
  readonly service: TemplateBuildService = {
    ability: async () => this.#ability(),
    plan: async (dockerfile, args) => parseDockerfile(dockerfile, args),
    begin: (requested) => this.#begin(requested),
    start: (templateId, buildId, plan) => this.#start(templateId, buildId, plan),
    build: (templateId, buildId) => this.#build(templateId, buildId),
    builds: (templateId) => this.#builds(templateId),
    cancel: (templateId, buildId) => this.#cancel(templateId, buildId),
    log: async (templateId, buildId, range) => {
      await this.#build(templateId, buildId);
      return { entries: await this.#entries(buildId, range) };
    },
    hasFiles: async (templateId, hash) => await this.#files.has(await this.#records.template(templateId), hash),
    putFiles: async (templateId, hash, content, options) => {
      const archive = expectArchive(content, 'tar', 'gzip');
      await this.#files.put(await this.#records.template(templateId), hash, archive, options);
    },
    list: (owner, projects) => this.#records.listFor(owner, projects),
    get: (templateId) => this.#records.template(templateId),
    find: (idOrName, owner, projects) => this.#records.find(idOrName, owner, projects),
    findImage: async (named, holder) => this.#findImage(named, holder),
    tag: (templateId, from, tags) => this.#tag(templateId, from, tags),
    untag: (templateId, tags) => this.#untag(templateId, tags),
    remove: (templateId) => this.#remove(templateId),
  };
  readonly #records = new BuildRecords(this.deps);
  readonly #files = new BuildFileStore(this.deps);
  readonly #images = new BuiltImageStore({ ...this.deps, records: this.#records, files: this.#files });
  readonly #queue = new BuildQueue({
    ...this.deps,
    records: this.#records,
    store: this.deps.records,
    files: this.#files,
    images: this.#images,
  });

  #ability() {
    const { driver, policy } = this.deps;
    const { noBuilds } = driver.capabilities;
    if (noBuilds !== undefined || !buildsImages(driver)) {
      return { builds: 'none' as const, reason: `The driver ${driver.name} cannot build templates: ${noBuilds}.` };
    }
    if (policy.allow === 'off') {
      const reason =
        'Building templates is off because build steps run as root. An operator can allow it with CORRAL_BUILDS_ALLOW=on.';
      return { builds: 'none' as const, reason };
    }
    return { builds: 'images' as const, images: [...policy.images.keys()] };
  }

  async #begin({ name: named, tags, owner, projectId }: BuildRequest) {
    const ability = this.#ability();
    if (ability.builds === 'none') throw new AppError('unsupported', ability.reason);
    const [name = '', ...own] = named.split(':');
    if (this.deps.reserved(name)) {
      throw new AppError('conflict', `${name} is the name of an operator's template. Choose another name.`);
    }
    const { clock, ids, policy } = this.deps;
    const at = clock.now();
    const by = { ...(owner !== undefined && { owner }), ...(projectId && { projectId }) };
    let template: BuiltTemplate = { id: `tpl-${ids.sessionId()}`, name, at, tags: {}, ...by };
    const requested = [...new Set([...own, ...tags])];
    const build: TemplateBuild = {
      id: ids.runId(),
      templateId: template.id,
      tags: requested.length > 0 ? requested : [defaultTemplateTag],
      status: 'waiting',
      at,
      ...by,
    };
    await this.#records.begin(
      { template: () => template, build },
      {
        now: at,
        template: (others) => {
          const found = others.find((one) => one.name === name && toHolderKey(one) === toHolderKey(by));
          template = found ?? template;
          const own = others.filter((one) => one.owner === owner);
          if (found || own.length < policy.ownerCount) return;
          const text = `You have ${own.length} built templates; at most ${policy.ownerCount} are allowed.`;
          throw new AppError('quota', `${text} Delete one first.`);
        },
        build: (others) => {
          const open = others.filter((one) => one.owner === owner && isOpenBuild(one) && computeBuildExpiry(one) > at);
          if (open.length < openBuilds) return;
          throw new AppError(
            'quota',
            `${open.length} of your builds are queued or running. Wait for one of them, or stop it.`,
          );
        },
      },
    );
    return { template, build: { ...build, templateId: template.id } };
  }

  async #start(templateId: string, buildId: string, plan: BuildPlan): Promise<TemplateBuild> {
    const build = await this.#build(templateId, buildId);
    const base = await this.#checked(build, plan).catch(async (thrown: unknown) => {
      // An invalid build that stays open would count toward the owner's limit.
      if (thrown instanceof AppError) await this.#giveUp(build, thrown.publicMessage);
      throw thrown;
    });
    return await this.#records.inTurn(toHolderKey(build), async () => {
      const now = await this.#build(templateId, buildId);
      if (now.status !== 'waiting' || now.until !== undefined) {
        throw new AppError('conflict', 'This build was already started. Create another one.');
      }
      // Includes time in the queue. After `until`, the build is considered lost.
      const until = this.deps.clock.now() + openBuilds * this.deps.policy.maxSeconds * 1_000;
      const start = plan.start && { ...plan.start, folder: computeFinalWorkdir(plan.steps) };
      const begun: TemplateBuild = { ...now, until, ...(start && { start }) };
      await this.#records.putBuild(begun);
      this.#queue.add({ build: begun, plan, base });
      return begun;
    });
  }

  async #checked(build: TemplateBuild, plan: BuildPlan): Promise<BaseImage> {
    checkBuildPlan(plan.steps, plan.start);
    const base = await this.#base(plan, build);
    for (const step of plan.steps) {
      if (step.type !== 'COPY' || (await this.#files.has(build, step.files))) continue;
      throw new AppError('invalid_request', `The files of COPY ${step.from} were not uploaded, or have expired.`);
    }
    return base;
  }

  /** Undefined: the build was already started or has ended. */
  async #giveUp(build: TemplateBuild, message: string): Promise<TemplateBuild | undefined> {
    const { templateId, id } = build;
    return await this.#records.inTurn(toHolderKey(build), async () => {
      const now = await this.#build(templateId, id);
      if (now.status !== 'waiting' || now.until !== undefined) return undefined;
      const ended: TemplateBuild = { ...now, status: 'error', reason: { message } };
      await this.#records.putBuild(ended);
      return ended;
    });
  }

  /** Rejects: invalid_request, not_found, conflict (the template has no build). */
  async #base({ base }: BuildPlan, holder: ResourceOwnership): Promise<BaseImage> {
    const { images } = this.deps.policy;
    const image =
      'image' in base ? (images.get(base.image) ?? images.get(base.image.replace(/:latest$/, ''))) : undefined;
    if (image !== undefined) return { image, content: image };
    const name = 'image' in base ? base.image : base.template;
    const found = await this.#tagged(name, holder).catch((thrown: unknown) => {
      if ('template' in base || !(thrown instanceof AppError && thrown.code === 'not_found')) throw thrown;
      return undefined;
    });
    if (found) return { image: found.image, content: found.print };
    const names = [...images.keys()].join(', ');
    throw new AppError(
      'invalid_request',
      `Templates cannot be based on the image ${name}. The operator allows (CORRAL_BUILDS_IMAGES): ${names}; you have built ` +
        'no template of that name.',
    );
  }

  async #build(templateId: string, buildId: string): Promise<TemplateBuild> {
    const build = await this.#records.build(templateId, buildId);
    if (!isOpenBuild(build) || build.until === undefined || computeBuildExpiry(build) > this.deps.clock.now())
      return build;
    return { ...build, status: 'error', reason: { message: lostText } };
  }

  async #builds(templateId: string): Promise<readonly TemplateBuild[]> {
    const holder = await this.#records.template(templateId);
    const own = (await this.#records.builds(holder)).filter((one) => one.templateId === templateId);
    return await Promise.all(own.sort((a, b) => b.at - a.at).map(({ id }) => this.#build(templateId, id)));
  }

  async #cancel(templateId: string, buildId: string): Promise<TemplateBuild> {
    const build = await this.#build(templateId, buildId);
    if (!isOpenBuild(build)) return build;
    const why = 'The build was stopped.';
    const ended = await this.#giveUp(build, why);
    if (ended) return ended;
    if (!this.#queue.logOf(buildId)) {
      throw new AppError('conflict', 'Another server runs this build, and only that server can stop it.');
    }
    this.#queue.stop({ build: buildId }, why);
    return build;
  }

  async #entries(buildId: string, { offset, limit }: { readonly offset: number; readonly limit: number }) {
    const all = this.#queue.logOf(buildId)?.entries ?? (await this.#records.log(buildId));
    return all.slice(offset, offset + limit);
  }

  async #tagged(named: string, holder?: ResourceOwnership) {
    const template = await (holder ? this.#records.findFor(holder, named) : this.#records.find(named));
    const tag = named.split(':')[1] ?? defaultTemplateTag;
    const requested = template.tags[tag] ?? (named.includes(':') ? undefined : newest(template));
    const build = requested && (await this.#records.build(template.id, requested.build).catch(ignoreNotFound));
    if (build?.image === undefined || build.print === undefined) {
      const text = `The template ${template.name} has no build with the tag ${tag}.`;
      throw new AppError('conflict', `${text} Wait for its build, or build it again.`);
    }
    return { image: build.image, print: build.print, start: build.start };
  }

  async #findImage(named: string, holder?: ResourceOwnership): Promise<BuiltImage> {
    const { image, start } = await this.#tagged(named, holder);
    return { image, ...(start && { start }) };
  }

  async #tag(templateId: string, from: string, tags: readonly string[]): Promise<BuiltTemplate> {
    return await this.#records.changeTags({ id: templateId }, (template) => {
      const source = template.tags[from];
      if (!source) throw new AppError('not_found', `The template ${template.name} has no tag ${from}.`);
      const at = this.deps.clock.now();
      return { ...template.tags, ...Object.fromEntries(tags.map((tag) => [tag, { build: source.build, at }])) };
    });
  }

  async #untag(templateId: string, tags: readonly string[]): Promise<BuiltTemplate> {
    return await this.#records.changeTags({ id: templateId }, (template) =>
      Object.fromEntries(Object.entries(template.tags).filter(([tag]) => !tags.includes(tag))),
    );
  }

  async #remove(templateId: string): Promise<void> {
    await this.#records.deleteTemplate(await this.#records.template(templateId));
    this.#queue.stop({ template: templateId }, 'The template was deleted while it was built.');
    await this.collect(0).catch((err: unknown) => {
      this.deps.warn({ err }, 'the images of a deleted template were not removed; the next clean-up tries again');
    });
  }

  collect(before: number): Promise<number> {
    return this.#images.collect(before);
  }

  /** Fails interrupted builds. Call at start-up, only if no other server uses the store. */
  async adopt(): Promise<void> {
    for (const build of await this.#records.builds()) {
      if (!isOpenBuild(build) || build.until === undefined) continue;
      await this.#records.putBuild({ ...build, status: 'error', reason: { message: lostText } });
    }
    const { driver } = this.deps;
    const call = { signal: AbortSignal.timeout(cleanUpMs) };
    if (buildsImages(driver)) await driver.sweepBuilds(Number.POSITIVE_INFINITY, call);
  }
}

/** Without a `default` tag, the bare name refers to the build tagged last. */
const newest = ({ tags }: BuiltTemplate) => Object.values(tags).sort((a, b) => b.at - a.at)[0];
