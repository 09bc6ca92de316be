import { buildsImages, type Driver } from '../../../drivers/driver.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import type { TemplateBuild } from '../../core/model/sandboxes/built-template.ts';
import type { BuildFileStore } from './build-files.ts';
import { type BuildRecords, isOpenBuild } from './build-records.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly driver: Driver;
  readonly instance: string;
  readonly records: BuildRecords;
  readonly files: BuildFileStore;
  readonly imagesInUse: () => Promise<ReadonlySet<string>>;
}

export const maxBuildStartMs = 60 * 60 * 1_000;
export const maxBuildDelayMs = 60_000;
const cleanUpMs = 60_000;
/** Maximum number of untagged builds kept per holder as a cache. */
const untaggedKept = 5;

/** Epoch ms after which the build's server or caller is considered lost. */
export const computeBuildExpiry = ({ until, at }: TemplateBuild): number =>
  until === undefined ? at + maxBuildStartMs : until + maxBuildDelayMs;

export class BuiltImageStore extends ServerComponent<Deps> {
  nameOf(buildId: string): string {
    return `corral-built/${this.deps.instance}:${buildId}`;
  }

  async cached(prints: readonly string[], holder: ResourceOwnership) {
    const { driver, records } = this.deps;
    if (!buildsImages(driver)) return undefined;
    const here = new Set(await driver.builtImages(callOf()));
    const own = (await records.builds(holder)).filter(({ image }) => image && here.has(image));
    const byPrint = new Map(own.map((one) => [one.print, one.image as string]));
    for (let done = prints.length - 1; done > 0; done--) {
      const image = byPrint.get(prints[done]);
      if (image !== undefined) return { image, done };
    }
    return undefined;
  }

  /** Deletes the holder's oldest untagged builds, so that they cannot fill the disk. */
  async trim(holder: ResourceOwnership): Promise<void> {
    const { records } = this.deps;
    const named = await this.#named(holder);
    const old = (await records.builds(holder))
      .filter((one) => !isOpenBuild(one) && !named.has(one.id))
      .sort((a, b) => b.at - a.at)
      .slice(untaggedKept);
    for (const build of old) await records.deleteBuild(build);
    if (old.some(({ image }) => image !== undefined)) await this.#removeUnused();
  }

  /** `before` (epoch ms) applies only to ended builds without a tag. */
  async collect(before: number): Promise<number> {
    const { driver, records, clock, files } = this.deps;
    if (!buildsImages(driver)) return 0;
    let removed = await files.collect(clock.now());
    removed += await driver.sweepBuilds(clock.now(), callOf());
    const named = await this.#named();
    const exists = new Set((await records.templates()).map(({ id }) => id));
    for (const build of await records.builds()) {
      const isDue = isOpenBuild(build)
        ? computeBuildExpiry(build) < clock.now()
        : build.at < before || !exists.has(build.templateId);
      if (named.has(build.id) || !isDue) continue;
      await records.deleteBuild(build);
      removed++;
    }
    return removed + (await this.#removeUnused());
  }

  async #named(holder?: ResourceOwnership): Promise<ReadonlySet<string>> {
    const templates = await this.deps.records.templates(holder);
    return new Set(templates.flatMap(({ tags }) => Object.values(tags).map(({ build }) => build)));
  }

  async #removeUnused(): Promise<number> {
    const { driver, records, imagesInUse } = this.deps;
    if (!buildsImages(driver)) return 0;
    // Lists images first, so that an image created in between is kept.
    const images = await driver.builtImages(callOf());
    const builds = await records.builds();
    const kept = new Set(builds.map(({ image, id }) => image ?? this.nameOf(id)));
    const unneeded = images.filter((image) => !kept.has(image));
    const used = unneeded.length > 0 ? await imagesInUse() : new Set();
    let removed = 0;
    for (const image of unneeded) {
      if (used.has(image)) continue;
      await driver.removeBuiltImage(image, callOf()).then(
        () => removed++,
        (thrown: unknown) => {
          if (toAppError(thrown).code !== 'conflict') throw thrown; // The next clean-up retries.
        },
      );
    }
    return removed;
  }
}

const callOf = () => ({ signal: AbortSignal.timeout(cleanUpMs) });
