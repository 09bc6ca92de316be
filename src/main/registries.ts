import { within } from '../../drivers/shared/joined.ts';
import { throwIfFired } from '../core/cancel.ts';
import { AppError } from '../core/errors.ts';
import type { SessionId } from '../core/ids.ts';
import type { RecordStore } from '../core/ports.ts';
import { discoverScript } from '../egress/discover-script.ts';
import type { FetchPage } from '../egress/fetch-page.ts';
import type { RegistryEntry } from '../egress/policy.ts';
import { discoverRegistries, type Registries } from '../egress/registries.ts';
import type { SandboxClient } from '../sandbox/client.ts';

interface Options {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly fetchPage: FetchPage;
  /** The key under which the findings are kept, for the sandbox's image. */
  readonly keyOf: (id: SessionId) => string | undefined;
}
interface Sandbox {
  readonly client: Pick<SandboxClient, 'exec'>;
  readonly isFresh: boolean;
}
const scriptMs = 30_000;
const pagesMs = 60_000;

/**
 * The registries of each image's package managers, read in the image's first sandbox before anything else runs there.
 */
export class ImageRegistries {
  readonly #options: Options;
  readonly #known = new Map<string, Promise<Registries>>();
  /** Images of which pages are read again that did not answer. */
  readonly #reading = new Set<string>();

  constructor(options: Options) {
    this.#options = options;
  }

  async of(id: SessionId): Promise<readonly RegistryEntry[]> {
    const key = this.#options.keyOf(id);
    const known = key === undefined ? undefined : await this.#known.get(key)?.catch(() => undefined);
    return known?.entries ?? [];
  }

  /** Resolves once the image's set-up is known; a sandbox that somebody used already is not asked. */
  async learn(id: SessionId, sandbox: Sandbox, signal: AbortSignal): Promise<readonly RegistryEntry[]> {
    const key = this.#options.keyOf(id);
    if (key === undefined) return [];
    const known = this.#known.get(key);
    const found = known && (await within(known, signal).catch(() => undefined));
    throwIfFired(signal);
    if (found) {
      if (found.unread.length > 0) this.#readOn(key, sandbox);
      return found.entries;
    }
    // The first reader may have been stopped, or lost its sandbox. That says nothing about the image, and this sandbox
    // can be read.
    const asked = this.#ask(key, sandbox, signal);
    this.#known.set(key, asked);
    asked.then(
      () => this.#known.set(key, asked),
      () => {
        if (this.#known.get(key) === asked) this.#known.delete(key); // it may be gone for the next sandbox
      },
    );
    return (await asked).entries;
  }

  /** Pages that did not answer are asked again with the next sandbox, which does not wait for them. */
  #readOn(key: string, { client }: Pick<Sandbox, 'client'>): void {
    if (this.#reading.has(key)) return;
    this.#reading.add(key);
    this.#ask(key, { client, isFresh: false }, AbortSignal.timeout(pagesMs))
      .then(
        (found) => this.#known.set(key, Promise.resolve(found)),
        () => {}, // and again with the one after that
      )
      .finally(() => this.#reading.delete(key));
  }

  async #ask(key: string, { client, isFresh }: Sandbox, signal: AbortSignal): Promise<Registries> {
    const { records: keep, fetchPage } = this.#options;
    const run = async (until: AbortSignal) => {
      // Its settings may be the agent's by now; the next new sandbox of the image tells.
      if (!isFresh) throw new AppError('sandbox_unavailable', 'The sandbox was in use before its image was read.');
      return (await client.exec({ command: `cd /\n${discoverScript}`, timeoutMs: scriptMs }, until)).stdout;
    };
    return await discoverRegistries({ imageDigest: key, run, fetchPage, keep }, signal);
  }
}
