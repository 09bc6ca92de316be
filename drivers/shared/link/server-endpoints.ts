import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { SandboxLink } from '../../driver.ts';
import type { SandboxFolders } from '../folders.ts';
import {
  openSandboxEndpoint,
  type SandboxEndpoint,
  type SandboxEndpointOptions,
  type SandboxIdentity,
} from './sandbox-endpoint.ts';

interface HeldEndpoint {
  readonly end: SandboxEndpoint;
  readonly stop: AbortController;
  body: string | undefined;
  links: number;
}

/** Watches the sandbox's container or process after `hold` or `link`. */
export interface SandboxEndpointRegistry extends AsyncDisposable {
  /** Also serves the sandbox's egress. Call before the daemon can start. */
  open(id: SandboxId): Promise<SandboxEndpoint>;
  /** Like `open`, but without egress, for unclaimed sandboxes. */
  listen(id: SandboxId): Promise<SandboxEndpoint>;
  /** Listens, and watches the container or process that `body` identifies. */
  hold(id: SandboxId, body: string, who?: SandboxIdentity): Promise<SandboxEndpoint>;
  /** If several servers share the sandbox, closing this server's last link also closes its endpoint. */
  link(id: SandboxId, as: LinkOptions): Promise<SandboxLink>;
  /** Stops listening if this server has no link to the sandbox. */
  rest(id: SandboxId): Promise<void>;
  release(id: SandboxId, reason: AppError): Promise<void>;
}
interface LinkOptions {
  readonly body: string;
  readonly workdir: string;
  readonly role: 'holder' | 'guest';
  /** Set if the id and session differ from the folder's record. */
  readonly who?: SandboxIdentity;
}
export interface SandboxEndpointRegistryOptions {
  readonly folders: SandboxFolders;
  readonly end: SandboxEndpointOptions;
  /** Resolves with the reason once the container or process has ended permanently. */
  watch(body: string, signal: AbortSignal): Promise<AppError>;
}

export function openSandboxEndpointRegistry({
  folders,
  end: endOptions,
  watch,
}: SandboxEndpointRegistryOptions): SandboxEndpointRegistry {
  const holds = new Map<SandboxId, Promise<HeldEndpoint>>();

  async function make(id: SandboxId): Promise<HeldEndpoint> {
    const meta = await folders.mended(id);
    if (!meta)
      throw new AppError('sandbox_not_found', "The sandbox's folder is gone, so the sandbox cannot be reached.");
    return {
      end: await openSandboxEndpoint(folders.mount(id), meta, endOptions),
      stop: new AbortController(),
      body: undefined,
      links: 0,
    };
  }

  function get(id: SandboxId): Promise<HeldEndpoint> {
    const present = holds.get(id);
    if (present) return present;
    const created = make(id);
    holds.set(id, created);
    created.catch(() => holds.delete(id));
    return created;
  }

  async function drop(id: SandboxId, hold: HeldEndpoint, reason: AppError | undefined): Promise<void> {
    if ((await holds.get(id)?.catch(() => undefined)) === hold) holds.delete(id);
    hold.stop.abort();
    if (reason) hold.end.lose(reason);
    await hold.end[Symbol.asyncDispose]();
  }

  async function hold(id: SandboxId, body: string): Promise<HeldEndpoint> {
    const found = await get(id);
    if (found.body === body) return found;
    if (found.body !== undefined) {
      await drop(id, found, new AppError('sandbox_lost', 'The sandbox was replaced.'));
      return hold(id, body);
    }
    found.body = body;
    const { signal } = found.stop;
    const over = async () => drop(id, found, await watch(body, signal));
    over().catch(() => {});
    return found;
  }

  return {
    async hold(id, body, who) {
      const { end } = await hold(id, body);
      if (who) end.identify(who);
      return end;
    },
    listen: async (id) => (await get(id)).end,
    async open(id) {
      const { end } = await get(id);
      await end.takeEgress();
      return end;
    },
    async link(id, { body, workdir, role, who }) {
      const found = await hold(id, body);
      if (who) found.end.identify(who);
      if (role === 'holder') await found.end.takeEgress();
      found.links += 1;
      return found.end.link(workdir, async () => {
        found.links -= 1;
        if (endOptions.replica !== undefined && found.links === 0) await drop(id, found, undefined);
      });
    },
    async rest(id) {
      const found = await holds.get(id)?.catch(() => undefined);
      if (found?.links === 0) await drop(id, found, undefined);
    },
    async release(id, reason) {
      const found = await holds.get(id)?.catch(() => undefined);
      if (found) await drop(id, found, reason);
    },
    async [Symbol.asyncDispose]() {
      const close = async ([id, opening]: [SandboxId, Promise<HeldEndpoint>]) => {
        const found = await opening.catch(() => undefined);
        if (found) await drop(id, found, undefined);
      };
      await Promise.all([...holds].map(close));
    },
  };
}
