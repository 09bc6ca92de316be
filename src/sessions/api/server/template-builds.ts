import type { ResourceOwnership } from '../../../core/model/access/holder.ts';
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
  /** Added to the tag in `name`. Without any tag: `default`. */
  readonly tags: readonly string[];
  readonly owner?: string | undefined;
  readonly projectId?: string | null | undefined;
}
export interface BuildPlan {
  /** `image`: an image from the operator's list, or a built template. */
  readonly base: { readonly image: string } | { readonly template: string };
  readonly steps: readonly BuildStep[];
  /** Zero-based index of the first step that must not use the cache. Undefined: none. */
  readonly freshFrom?: number | undefined;
  /** Runs when a sandbox starts, in the last step's working directory. */
  readonly start?: Omit<StartCommand, 'folder'> | undefined;
}
export interface BuiltImage {
  readonly image: string;
  readonly start?: StartCommand | undefined;
}
export interface DockerfilePlan {
  readonly base: string;
  /** The caller must upload the files of each COPY step, and set the step's `files` to their hash. */
  readonly steps: readonly BuildStep[];
  /** One note for each line that is ignored or has a limited effect. */
  readonly notes: readonly string[];
}
export interface CreatedBuild {
  readonly template: BuiltTemplate;
  readonly build: TemplateBuild;
}
export interface BuildSupport {
  readonly builds: 'images' | 'none';
  readonly images?: readonly string[];
  readonly reason?: string;
}
export interface BuildLog {
  readonly entries: readonly BuildLogEntry[];
}

export interface TemplateBuildService {
  ability(): Promise<BuildSupport>;
  /** Rejects with invalid_request. The message names the line at fault, if any. */
  plan(dockerfile: string, args?: Readonly<Record<string, string>>): Promise<DockerfilePlan>;
  /** Creates the template if needed. Rejects: unsupported, quota, conflict (an operator's template has the name). */
  begin(requested: BuildRequest): Promise<CreatedBuild>;
  /**
   * Only queues the build. Rejects: not_found (the build or its base), conflict (already started, or a base without a
   * build), invalid_request (an invalid plan or base image, or missing files).
   */
  start(templateId: string, buildId: string, plan: BuildPlan): Promise<TemplateBuild>;
  build(templateId: string, buildId: string): Promise<TemplateBuild>;
  /** Newest first. */
  builds(templateId: string): Promise<readonly TemplateBuild[]>;
  /** Leaves an ended build unchanged. Rejects: conflict (the build runs on another server). */
  cancel(templateId: string, buildId: string): Promise<TemplateBuild>;
  log(
    templateId: string,
    buildId: string,
    range: { readonly offset: number; readonly limit: number },
  ): Promise<BuildLog>;
  hasFiles(templateId: string, hash: string): Promise<boolean>;
  /** `content` is a tar archive, optionally gzipped, with a COPY step's files. */
  putFiles(
    templateId: string,
    hash: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<void>;
  list(owner?: string, projects?: readonly string[]): Promise<readonly BuiltTemplate[]>;
  get(templateId: string): Promise<BuiltTemplate>;
  /** Ignores the tag in a name. Rejects: not_found, conflict (several projects use the name). */
  find(idOrName: string, owner?: string, projects?: readonly string[]): Promise<BuiltTemplate>;
  /**
   * Accepts `name`, `name:tag` or an id. Without `holder`, names match only templates without an owner or project.
   * Rejects: not_found, conflict (no build has this tag).
   */
  findImage(named: string, holder?: ResourceOwnership): Promise<BuiltImage>;
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
  findImage: { may: 'guarded', audit: null },
  tag: { may: 'work', audit: 'template.tag' },
  untag: { may: 'work', audit: 'template.untag' },
  remove: { may: 'stop', audit: 'template.delete' },
};
