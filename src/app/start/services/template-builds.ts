import { SessionRecord } from '../../../core/model/records.ts';
import { TemplateBuilds } from '../../../sessions/builds/template-builds.ts';
import type { Sandboxes } from '../sandboxes.ts';
import type { Startup } from '../startup.ts';
import type { Storage } from '../storage.ts';

interface Deps {
  readonly storage: Storage;
  readonly sandboxes: Pick<Sandboxes, 'driver' | 'buildSpec' | 'reachFor' | 'diskFloor'>;
}

/** The templates that owners build. */
export function openTemplateBuilds(
  { config, clock, ids, logger, closing }: Startup,
  { storage: { store, blobs, copies, instance }, sandboxes }: Deps,
): TemplateBuilds {
  const { records } = store;
  const { images, ...limits } = config.builds;
  const operators = new Set(config.e2b.templates.map((entry) => entry.split('=')[0]));
  return new TemplateBuilds({
    policy: { ...limits, images: new Map(images.map((entry) => entry.split('=') as [string, string?]).map(pairOf)) },
    driver: sandboxes.driver,
    instance,
    records,
    blobs,
    copies,
    clock,
    ids,
    closing,
    specOf: sandboxes.buildSpec,
    reach: sandboxes.reachFor,
    admit: async () => await sandboxes.diskFloor?.admit(),
    reserved: (name) => operators.has(name),
    async imagesInUse() {
      const all = await records.list('session');
      return new Set(all.flatMap(({ doc }) => SessionRecord.parse(doc).sandbox?.image ?? []));
    },
    warn: (about, text) => logger.warn(about, text),
  });
}

const pairOf = ([name, image = name]: [string, string?]): [string, string] => [name, image];
