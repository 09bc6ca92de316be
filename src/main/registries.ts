import { AppError } from '../core/errors.ts';
import type { SessionId } from '../core/ids.ts';
import type { RecordStore } from '../core/ports.ts';
import { discoverScript } from '../egress/discover-script.ts';
import type { FetchPage } from '../egress/fetch-page.ts';
import type { RegistryEntry } from '../egress/policy.ts';
import { discoverRegistries } from '../egress/registries.ts';
import type { SandboxClient } from '../sandbox/client.ts';

interface Options {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly fetchPage: FetchPage;
  /** What to keep the findings under, for the sandbox's image. */
  readonly keyOf: (id: SessionId) => string | undefined;
}
const scriptMs = 30_000;

/** What each image's package managers are set up for: read in the first sandbox of it, before anything else runs there. */
export class ImageRegistries {
  readonly #options: Options;
  readonly #known = new Map<string, Promise<readonly RegistryEntry[]>>();

  constructor(options: Options) {
    this.#options = options;
  }

  async of(id: SessionId): Promise<readonly RegistryEntry[]> {
    const key = this.#options.keyOf(id);
    return (key === undefined ? undefined : await this.#known.get(key)?.catch(() => [])) ?? [];
  }

  /** Resolves once the image's set-up is known; a sandbox that somebody used already is not asked. */
  async learn(
    id: SessionId,
    sandbox: { client: SandboxClient; isFresh: boolean },
    signal: AbortSignal,
  ): Promise<readonly RegistryEntry[]> {
    const key = this.#options.keyOf(id);
    if (key === undefined) return [];
    const known = this.#known.get(key);
    if (known) return await known;
    const asked = this.#ask(key, sandbox, signal);
    this.#known.set(key, asked);
    // Whatever stood in the way may be gone for the next sandbox; pages that did not answer are asked again too.
    asked.catch(() => this.#known.delete(key));
    return await asked;
  }

  async #ask(key: string, { client, isFresh }: { client: SandboxClient; isFresh: boolean }, signal: AbortSignal) {
    const { records: keep, fetchPage } = this.#options;
    const run = async (until: AbortSignal) => {
      // Its settings may be the agent's by now; the next new sandbox of the image tells.
      if (!isFresh) throw new AppError('sandbox_unavailable', 'The sandbox was in use before its image was read.');
      return (await client.exec({ command: `cd /\n${discoverScript}`, timeoutMs: scriptMs }, until)).stdout;
    };
    return (await discoverRegistries({ imageDigest: key, run, fetchPage, keep }, signal)).entries;
  }
}
