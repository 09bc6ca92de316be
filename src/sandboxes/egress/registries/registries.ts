import { raceAbort, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { RecordStore } from '../../../core/contracts/ports.ts';
import { ServerPart } from '../../../core/contracts/server-parts.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../client/client.ts';
import type { FetchPage } from '../fetch/fetch-page.ts';
import type { RegistryEntry } from '../policy.ts';
import { registryDiscoveryScript } from './discover-script.ts';
import { discoverRegistries, type RegistryDiscoveryResult } from './registry-hosts.ts';

interface Options {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly fetchPage: FetchPage;
  readonly findImageKey: (id: SessionId) => Promise<string | undefined>;
}
interface Sandbox {
  readonly client: Pick<SandboxClient, 'exec'>;
  readonly isFresh: boolean;
}
const scriptMs = 90_000;
const pagesMs = 60_000;

/**
 * The registries of each image's package managers, read in the image's first sandbox before anything else runs there.
 */
export class ImageRegistries extends ServerPart<Options> {
  readonly #known = new Map<string, Promise<RegistryDiscoveryResult>>();
  readonly #reading = new Set<string>();

  async of(id: SessionId): Promise<readonly RegistryEntry[]> {
    const key = await this.deps.findImageKey(id);
    const known = key === undefined ? undefined : await this.#known.get(key)?.catch(() => undefined);
    return known?.entries ?? [];
  }

  /** Resolves once the image's registries are known. A sandbox that has been used before is not read. */
  async learn(id: SessionId, sandbox: Sandbox, signal: AbortSignal): Promise<readonly RegistryEntry[]> {
    const key = await this.deps.findImageKey(id);
    if (key === undefined) return [];
    const known = this.#known.get(key);
    const found = known && (await raceAbort(known, signal).catch(() => undefined));
    throwIfAborted(signal);
    if (found && !(found.isPartial && sandbox.isFresh)) {
      if (found.unread.length > 0) this.#readOn(key, sandbox);
      return found.entries;
    }
    // The first read was stopped or lost its sandbox. Neither reveals anything about the image, so this sandbox is read.
    const requested = this.#ask(key, sandbox, signal);
    this.#known.set(key, requested);
    requested.then(
      () => this.#known.set(key, requested),
      () => {
        if (this.#known.get(key) === requested) this.#known.delete(key); // the next sandbox may succeed
      },
    );
    return (await requested).entries;
  }

  /** Each new sandbox retries pages that did not answer, in the background. */
  #readOn(key: string, { client }: Pick<Sandbox, 'client'>): void {
    if (this.#reading.has(key)) return;
    this.#reading.add(key);
    this.#ask(key, { client, isFresh: false }, AbortSignal.timeout(pagesMs))
      .then(
        (found) => this.#known.set(key, Promise.resolve(found)),
        () => {}, // the next new sandbox retries
      )
      .finally(() => this.#reading.delete(key));
  }

  async #ask(key: string, { client, isFresh }: Sandbox, signal: AbortSignal): Promise<RegistryDiscoveryResult> {
    const { records: keep, fetchPage } = this.deps;
    const run = async (until: AbortSignal) => {
      // The agent may have changed this sandbox's settings, so the image's next new sandbox is read instead.
      if (!isFresh) throw new AppError('sandbox_unavailable', 'The sandbox was used before its image was read.');
      return (await client.exec({ command: `cd /\n${registryDiscoveryScript}`, timeoutMs: scriptMs }, until)).stdout;
    };
    return await discoverRegistries({ imageDigest: key, run, fetchPage, keep }, signal);
  }
}
