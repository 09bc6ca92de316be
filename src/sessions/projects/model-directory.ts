import { z } from 'zod';
import type { CatalogEntry } from '../../agents/models/catalog/catalog.ts';
import type { ModelsConfig } from '../../agents/models/registry.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { serverSettingKind as kind } from '../../core/model/records.ts';
import { changeRecord } from '../../storage/collection.ts';

const Facts = z.object({
  window: z.int().positive().optional(),
  maxOutput: z.int().positive().optional(),
  images: z.boolean().optional(),
  price: z.object({ input: z.number(), output: z.number() }).optional(),
});
const Stored = z.object({
  model: z.string().nullable().default(null),
  /** Model servers that users entered, by provider. */
  servers: z.record(z.string(), z.object({ baseUrl: z.string(), reach: z.enum(['public', 'private']) })).default({}),
  /** Facts from the providers' lists, by model (`provider/model`); only for chosen models. */
  facts: z.record(z.string(), Facts).default({}),
});
export type StoredModelSettings = z.output<typeof Stored>;

const id = 'models';

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  /** Settings from files and variables. They override stored values. */
  readonly models: ModelsConfig;
}
export class ModelDirectory {
  readonly #records: Deps['records'];
  readonly #settings: ModelsConfig;

  constructor({ records, models }: Deps) {
    this.#records = records;
    this.#settings = models;
  }

  /** Read from the store each time, so that all servers see changes. */
  async stored(): Promise<StoredModelSettings> {
    return Stored.parse((await this.#records.get(kind, id))?.doc ?? {});
  }

  async config(): Promise<ModelsConfig> {
    return this.merged(await this.stored());
  }

  merged({ servers, facts }: StoredModelSettings): ModelsConfig {
    const { compatible, catalog } = this.#settings;
    const entries: Record<string, CatalogEntry> = { ...facts, ...catalog };
    return { ...this.#settings, compatible: { ...servers, ...compatible }, catalog: entries };
  }

  /** The model is created again if this text changes. */
  async readState(provider: string, ref: string): Promise<string> {
    const { compatible, catalog } = await this.config();
    return JSON.stringify([compatible[provider]?.baseUrl, compatible[provider]?.reach, catalog[ref]]);
  }

  async change(work: (now: StoredModelSettings) => StoredModelSettings): Promise<void> {
    await changeRecord(this.#records, { kind, id }, (found) => ({ doc: work(Stored.parse(found?.doc ?? {})) }));
  }
}
