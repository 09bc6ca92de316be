import type { FileContent } from './bodies.ts';
import type { Connection } from './connection.ts';
import type { Outputs } from './types.ts';

/** A template that its owner builds. A box starts from it with `built: 'my-tools'`. */
export type BuiltTemplate = Outputs['templateBuilds']['list'][number];
export type TemplateBuild = Outputs['templateBuilds']['start'];
export type BuildLogEntry = Outputs['templateBuilds']['status']['log'][number];
type BuildStep = Outputs['templateBuilds']['plan']['steps'][number];

/** The files for a COPY instruction. */
export interface CopySource {
  /** Content is not uploaded if the server already has this hash. */
  readonly hash: string;
  /** A plain or gzipped tar; paths are relative to the Dockerfile's folder. */
  readonly archive: () => FileContent;
}
export interface BuildOptions {
  /** The text of a Dockerfile. */
  readonly dockerfile: string;
  /** The values of the Dockerfile's ARGs. */
  readonly args?: Readonly<Record<string, string>>;
  /** Tags in addition to any in `name`. Without any tag, `default` is used. */
  readonly tags?: readonly string[];
  /** Runs every step, even if an earlier build already ran it. */
  readonly fresh?: boolean;
  /** Resolves with the files of a COPY source, a path relative to the Dockerfile's folder. */
  readonly files?: (source: string) => Promise<CopySource>;
  readonly onLog?: (entry: BuildLogEntry) => void;
  /** Aborts the call and cancels the build. */
  readonly signal?: AbortSignal;
}
const pollMs = 500;

/** Templates that users build from a Dockerfile. Each build is isolated like a sandbox. */
export class Templates {
  readonly #server: Connection;

  constructor(server: Connection) {
    this.#server = server;
  }

  list(): Promise<BuiltTemplate[]> {
    return this.#server.call((api) => api.templateBuilds.list.query());
  }
  /** The builds of a template, newest first. */
  builds(id: string): Promise<TemplateBuild[]> {
    return this.#server.call((api) => api.templateBuilds.builds.query({ id }));
  }
  /** Sessions that run the template's images continue; new ones cannot start from it. */
  async remove(id: string): Promise<void> {
    await this.#server.call((api) => api.templateBuilds.delete.mutate({ id }));
  }

  /** Builds `name[:tag]`. Resolves even if the build fails: see `status`. Rejects: unsupported (no builds here). */
  async build(name: string, { dockerfile, args, tags = [], fresh = false, ...options }: BuildOptions) {
    const { base, steps } = await this.#server.call((api) =>
      api.templateBuilds.plan.mutate({ dockerfile, ...(args && { args }) }),
    );
    const { template, build } = await this.#server.call((api) =>
      api.templateBuilds.begin.mutate({ name, tags: [...tags] }),
    );
    const of = { id: template.id, build: build.id };
    try {
      const filled = await this.#withFiles(template.id, steps, options);
      await this.#server.call((api) => api.templateBuilds.start.mutate({ ...of, base, steps: filled, fresh }));
      return await this.follow(of, options);
    } catch (thrown) {
      // only the first failure is reported
      await this.#server.call((api) => api.templateBuilds.cancel.mutate(of)).catch(() => {});
      throw thrown;
    }
  }

  /** Follows the log from its start, and resolves when the build has ended. */
  async follow(
    of: { readonly id: string; readonly build: string },
    { onLog, signal }: Pick<BuildOptions, 'onLog' | 'signal'> = {},
  ): Promise<TemplateBuild> {
    for (let offset = 0; ; ) {
      signal?.throwIfAborted();
      const requested = { ...of, offset };
      const { build, log } = await this.#server.call((api) => api.templateBuilds.status.query(requested));
      for (const entry of log) onLog?.(entry);
      offset += log.length;
      if (log.length > 0) continue;
      if (build.status === 'ready' || build.status === 'error') return build;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async #withFiles(
    id: string,
    steps: readonly BuildStep[],
    { files, signal }: Pick<BuildOptions, 'files' | 'signal'>,
  ): Promise<BuildStep[]> {
    const filled: BuildStep[] = [];
    for (const step of steps) {
      if (step.type !== 'COPY') {
        filled.push(step);
        continue;
      }
      if (!files) throw new TypeError(`COPY ${step.from}: pass the option files, which provides the files of a COPY.`);
      const { hash, archive } = await files(step.from);
      const { present } = await this.#server.call((api) => api.templateBuilds.hasFiles.query({ id, hash }));
      const at = `/api/v1/built-templates/${id}/files/${hash}`;
      if (!present) await this.#server.upload(at, archive(), { ...(signal && { signal }) });
      filled.push({ ...step, files: hash });
    }
    return filled;
  }
}
