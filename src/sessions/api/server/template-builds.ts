import type { Holder } from '../../../core/model/access/holder.ts';
import type {
  BuildLogEntry,
  BuildStep,
  BuiltTemplate,
  StartCommand,
  TemplateBuild,
} from '../../../core/model/sandboxes/built-template.ts';
import type { ServiceRules } from '../rules.ts';

export interface BuildRequest {
  readonly name: string;
  /** The tags of the build next to the one in its name. Without any: `default`. */
  readonly tags: readonly string[];
  readonly owner?: string | undefined;
  readonly projectId?: string | null | undefined;
}
export interface BuildPlan {
  /** An image of the operator's list or, where it has none of that name, a built template of the holder. */
  readonly base: { readonly image: string } | { readonly template: string };
  readonly steps: readonly BuildStep[];
  /** The number of the first step whose earlier result is not used; undefined: every one may be. */
  readonly freshFrom?: number | undefined;
  /** The program of each sandbox of the template, which runs in the folder that the steps end in. */
  readonly start?: Omit<StartCommand, 'folder'> | undefined;
}
/** The image and the program that a sandbox of a built template starts with. */
export interface BuiltImage {
  readonly image: string;
  readonly start?: StartCommand | undefined;
}
export interface DockerfilePlan {
  /** The name behind FROM. */
  readonly base: string;
  /** The steps of COPY have no files yet: the caller uploads them. */
  readonly steps: readonly BuildStep[];
  /** Ignored lines, and their usual effect. */
  readonly notes: readonly string[];
}
export interface BuildBegun {
  readonly template: BuiltTemplate;
  readonly build: TemplateBuild;
}
/** Whether this server builds templates. */
export interface BuildAbility {
  readonly builds: 'images' | 'none';
  /** The names of the images with which templates can begin. */
  readonly images?: readonly string[];
  readonly reason?: string;
}
export interface BuildLog {
  readonly entries: readonly BuildLogEntry[];
}

/** Templates that owners build of steps or of a Dockerfile, in containers with a sandbox's walls. */
export interface TemplateBuildService {
  ability(): Promise<BuildAbility>;
  /** The steps of a Dockerfile. Rejects: invalid_request, with the number of the line. */
  plan(dockerfile: string, args?: Readonly<Record<string, string>>): Promise<DockerfilePlan>;
  /** Makes the template if it is new. Rejects: unsupported, quota, conflict (a name of the operator's). */
  begin(requested: BuildRequest): Promise<BuildBegun>;
  /** Queues the build and returns. Rejects: conflict where it was started before, invalid_request for its plan. */
  start(templateId: string, buildId: string, plan: BuildPlan): Promise<TemplateBuild>;
  build(templateId: string, buildId: string): Promise<TemplateBuild>;
  /** The kept builds of a template, the newest first. */
  builds(templateId: string): Promise<readonly TemplateBuild[]>;
  /** Stops a build that waits or runs; one that has ended stays as it is. Rejects: conflict (another server runs it). */
  cancel(templateId: string, buildId: string): Promise<TemplateBuild>;
  log(
    templateId: string,
    buildId: string,
    range: { readonly offset: number; readonly limit: number },
  ): Promise<BuildLog>;
  hasFiles(templateId: string, hash: string): Promise<boolean>;
  /** Keeps the archive (tar, or tar with gzip) of the files of a COPY. */
  putFiles(
    templateId: string,
    hash: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<void>;
  list(owner?: string, projects?: readonly string[]): Promise<readonly BuiltTemplate[]>;
  get(templateId: string): Promise<BuiltTemplate>;
  /** By its id or name, with a tag or without. Rejects: not_found, conflict (several projects have one of this name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<BuiltTemplate>;
  /**
   * The image of `name`, `name:tag` or an id, for a session of this holder; undefined: of any. Rejects: not_found, conflict
   * (no build has succeeded).
   */
  imageOf(named: string, holder?: Holder): Promise<BuiltImage>;
  /** Gives further tags to the build that a tag names. */
  tag(templateId: string, from: string, tags: readonly string[]): Promise<BuiltTemplate>;
  untag(templateId: string, tags: readonly string[]): Promise<BuiltTemplate>;
  remove(templateId: string): Promise<void>;
}

export const templateBuildRules: ServiceRules<TemplateBuildService> = {
  ability: { may: 'any', audit: null },
  plan: { may: 'user', audit: null },
  begin: { may: 'create', audit: 'template.build' },
  start: { may: 'work', audit: 'template.build.start' },
  build: { may: 'read', audit: null },
  builds: { may: 'read', audit: null },
  cancel: { may: 'stop', audit: 'template.build.cancel' },
  log: { may: 'read', audit: null },
  hasFiles: { may: 'read', audit: null },
  putFiles: { may: 'work', audit: 'template.files' },
  list: { may: 'list', audit: null },
  get: { may: 'see', audit: null },
  find: { may: 'find', audit: null },
  imageOf: { may: 'guarded', audit: null },
  tag: { may: 'work', audit: 'template.tag' },
  untag: { may: 'work', audit: 'template.untag' },
  remove: { may: 'stop', audit: 'template.delete' },
};
