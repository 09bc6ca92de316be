import { buildsImages, type Driver, isPoolable, type SandboxLink, type SandboxSpec } from '../../../drivers/driver.ts';
import { combineSignals, raceAbort } from '../../core/concurrency/cancel.ts';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import { Semaphore } from '../../core/concurrency/semaphore.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { toHolderKey } from '../../core/model/access/holder.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { TemplateBuild } from '../../core/model/sandboxes/built-template.ts';
import type { BuildPlan } from '../api/server/template-builds.ts';
import type { BuildFileStore } from './build-files.ts';
import type { BuildRecords } from './build-records.ts';
import { type BuiltImageStore, maxBuildDelayMs } from './built-images.ts';
import { computeStepContexts, computeStepHashes } from './plan.ts';
import { BuildLogWriter, BuildStepError, runBuildSteps } from './run-steps.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'ids' | 'warn'> {
  readonly policy: { readonly maxSeconds: number; readonly atOnce: number };
  readonly driver: Driver;
  readonly records: BuildRecords;
  readonly store: Pick<RecordStore, 'put'>;
  readonly files: BuildFileStore;
  readonly images: BuiltImageStore;
  readonly closing: AbortSignal;
  readonly specOf: (id: SessionId, image: string) => SandboxSpec;
  readonly reach: (id: SessionId, link: SandboxLink, signal: AbortSignal) => Promise<void>;
  /** Rejects while free disk space is below the minimum. */
  readonly admit: () => Promise<void>;
}
export interface BaseImage {
  readonly image: string;
  /** Changes with the image's content. Equals `image` if only the name is known. */
  readonly content: string;
}
export interface QueuedBuild {
  readonly build: TemplateBuild;
  readonly plan: BuildPlan;
  readonly base: BaseImage;
}
interface RunningBuild {
  readonly templateId: string;
  readonly log: BuildLogWriter;
  readonly stop: AbortController;
}

const lookEveryMs = 3_000;
const neverFires = new AbortController().signal;

export class BuildQueue extends ServerComponent<Deps> {
  readonly #running = new Map<string, RunningBuild>();
  /** Open builds are limited per owner, so the queue needs no limit. */
  readonly #slots = new Semaphore(this.deps.policy.atOnce, { maxWaiting: Number.POSITIVE_INFINITY });

  add(queued: QueuedBuild): void {
    const { id, templateId } = queued.build;
    const log = new BuildLogWriter({ buildId: id, records: this.deps.store, clock: this.deps.clock });
    const running = { templateId, log, stop: new AbortController() };
    this.#running.set(id, running);
    void this.#inTurn(queued, running);
  }

  logOf(buildId: string): BuildLogWriter | undefined {
    return this.#running.get(buildId)?.log;
  }

  stop(of: { readonly build: string } | { readonly template: string }, why: string): void {
    for (const [id, running] of this.#running) {
      const isMeant = 'build' in of ? id === of.build : running.templateId === of.template;
      if (isMeant) running.stop.abort(new AppError('cancelled', why));
    }
  }

  async #inTurn(queued: QueuedBuild, running: RunningBuild): Promise<void> {
    const { policy, images, warn } = this.deps;
    const { id } = queued.build;
    if (this.#running.size > policy.atOnce) {
      running.log.write('info', `Waiting for ${policy.atOnce} other builds on this server`);
    }
    {
      using _slot = await this.#slots.acquire(neverFires); // a build stopped in the queue ends when its turn comes
      await this.#run(queued, running);
      this.#running.delete(id);
    }
    await images.trim(queued.build).catch((err: unknown) => warn({ err }, 'the images of old builds were not removed'));
  }

  /** Never rejects. */
  async #run(queued: QueuedBuild, { log, stop }: RunningBuild): Promise<void> {
    const { warn } = this.deps;
    const { build } = queued;
    const { id } = build;
    try {
      const result = await this.#work(queued, log, stop.signal);
      if (build.start) log.write('info', 'The start command runs in each sandbox, not in the build');
      log.write('info', 'All files are kept');
      await log.keep();
      await this.#finish({ ...build, ...result });
    } catch (thrown) {
      const isStep = thrown instanceof BuildStepError;
      const message = isStep ? thrown.message : toAppError(thrown).publicMessage;
      const step = isStep ? { step: thrown.step } : {};
      log.flush();
      log.write('error', message, isStep ? thrown.step : undefined);
      if (!isStep) warn({ err: thrown, build: id }, 'a template was not built');
      await log.keep().catch((err: unknown) => warn({ err, build: id }, 'the log of a build could not be stored'));
      const failed: TemplateBuild = { ...build, status: 'error', reason: { message, ...step } };
      await this.deps.records
        .putBuild(failed)
        .catch((err: unknown) => warn({ err, build: id }, 'the result of a build could not be stored'));
    }
  }

  async #work(
    { build, plan, base }: QueuedBuild,
    log: BuildLogWriter,
    stop: AbortSignal,
  ): Promise<Partial<TemplateBuild>> {
    const { driver, clock, ids, closing, policy, specOf, reach, records, images, files, admit } = this.deps;
    if (!buildsImages(driver)) throw new AppError('unsupported', 'The driver cannot build templates.');
    await records.putBuild({ ...build, status: 'building' });
    const ms = policy.maxSeconds * 1_000;
    const limit = new AbortController();
    const timer = clock.setTimeout(() => {
      limit.abort(new AppError('deadline_exceeded', `The build took longer than the limit of ${policy.maxSeconds} s.`));
    }, ms);
    const signal = combineSignals([closing, limit.signal, stop]);
    const call = { signal };
    try {
      signal.throwIfAborted();
      await admit();
      void this.#endWithoutRoom(limit, signal);
      const isNamed = isPoolable(driver) && base.content === base.image;
      const content = isNamed ? await driver.imageNow(base.image, call) : base.content;
      const prints = computeStepHashes(content, toHolderKey(build), plan.steps);
      const print = prints.at(-1) as string;
      const cached = await images.cached(prints.slice(0, (plan.freshFrom ?? plan.steps.length) + 1), build);
      if (cached && cached.done === plan.steps.length) {
        log.write('info', 'All steps are cached; reusing their image');
        return { status: 'ready', image: cached.image, print };
      }
      const done = cached?.done ?? 0;
      const id = ids.sessionId();
      const spec = { ...specOf(id, cached?.image ?? base.image), expiresAt: clock.now() + ms + maxBuildDelayMs };
      const news = ({ detail }: { detail: string }) => log.write('info', detail, 'base');
      await using container = await driver.startBuild(spec, call, news);
      {
        await using link = await container.attach(call);
        await reach(id, link, signal);
      }
      const openFiles = (hash: string) => files.open(build, hash);
      await raceAbort(runBuildSteps({ container, steps: plan.steps, done, log, openFiles }, call), signal);
      log.flush();
      const image = images.nameOf(build.id);
      log.write('info', 'Saving the files as an image', 'finalize');
      const env = computeStepContexts(plan.steps, { env: container.env, done }).at(-1)?.env ?? {};
      await container.keep({ name: image, env }, call);
      return { status: 'ready', image, print };
    } catch (thrown) {
      for (const { aborted, reason } of [limit.signal, stop]) if (aborted) throw reason;
      throw thrown;
    } finally {
      clock.clearTimeout(timer);
      limit.abort();
    }
  }

  /** Builds can exceed their limits with unlinked files, which cannot be measured. */
  async #endWithoutRoom(limit: AbortController, signal: AbortSignal): Promise<void> {
    const { admit, clock } = this.deps;
    await runAtIntervals(
      async () => await admit(),
      { everyMs: lookEveryMs, clock, onError: (err) => limit.abort(err) },
      signal,
    );
  }

  /** Tags point to the build only once it is complete. */
  async #finish(build: TemplateBuild): Promise<void> {
    const { records, clock } = this.deps;
    const template = await records.template(build.templateId); // rejects if the template has been deleted
    await records.putBuild(build);
    const tag = { build: build.id, at: clock.now() };
    const own = Object.fromEntries(build.tags.map((name) => [name, tag]));
    await records.changeTags(template, ({ tags }) => ({ ...tags, ...own }));
  }
}
