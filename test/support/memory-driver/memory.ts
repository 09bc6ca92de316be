import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CallOptions, Driver, Pausable, SandboxInfo, SandboxSpec } from '../../../drivers/driver.ts';
import { toSandboxInfoFields } from '../../../drivers/shared/folders.ts';
import { createLinkLifetime } from '../../../drivers/shared/link/sandbox-endpoint.ts';
import { SingleFlight } from '../../../drivers/shared/pool/single-flight.ts';
import { raceAbort, throwIfAborted } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { type Box, type MemoryBackend, type Method, tokenOf } from './backend.ts';

/** Sandboxes that exist only in memory, with the API of real ones. For tests, simulation, and trying Corral out. */
export function memoryDriver(backend: MemoryBackend, instance = 'memory'): Driver & Pausable {
  const provisions = new SingleFlight<SandboxInfo>();

  /** Every call goes through here: it applies a test's latency and faults, and stops when its signal fires. */
  async function exchange<Value>(
    method: Method,
    { signal }: CallOptions,
    act: () => Value | Promise<Value>,
  ): Promise<Value> {
    throwIfAborted(signal);
    backend.calls[method] = (backend.calls[method] ?? 0) + 1;
    const mishap = backend.mishap(method);
    if (mishap === 'hang') await raceAbort(new Promise<never>(() => {}), signal);
    const { latency, clock } = backend;
    if (latency[method]) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = clock.setTimeout(resolve, latency[method]);
      await raceAbort(promise, signal).finally(() => clock.clearTimeout(timer));
    }
    if (typeof mishap === 'object' && 'fail' in mishap) throw new AppError(mishap.fail, 'The backend failed.');
    const value = await act();
    if (typeof mishap === 'object') throw new AppError(mishap.lose, "The backend's answer was lost.");
    return value;
  }

  const mine = (id: SandboxId): Box | undefined => {
    const box = backend.boxes.get(id);
    return box?.instance === instance ? box : undefined;
  };

  function running(id: SandboxId): Box {
    const box = mine(id);
    if (box?.info.phase === 'ready' || box?.info.phase === 'paused') return box;
    throw new AppError('sandbox_not_found', 'The sandbox is gone.');
  }

  function start(spec: SandboxSpec): SandboxInfo {
    if (!backend.images.has(spec.image)) throw new AppError('image_missing', `There is no image ${spec.image}.`);
    const box = mine(spec.id);
    if (box && box.info.epoch > spec.epoch) {
      throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
    }
    const alive = [...backend.boxes.values()].filter(({ info }) => info.phase === 'ready' || info.phase === 'paused');
    const info: SandboxInfo = { ...toSandboxInfoFields(spec), phase: 'ready' };
    if (box && alive.includes(box)) {
      box.info = { ...box.info, phase: 'ready' };
      return box.info;
    }
    if (alive.length >= backend.capacity) {
      throw new AppError('sandbox_capacity', 'There is no room for another sandbox now.');
    }
    const life = new AbortController();
    if (box) Object.assign(box, { info, life });
    else backend.boxes.set(spec.id, { instance, info, life, daemon: backend.newDaemon(spec.id) });
    return info;
  }

  return {
    name: 'memory',
    capabilities: {
      isolation: 'fake',
      egress: 'enforced',
      limits: [],
      desktop: false,
      pause: 'memory',
      noServices: 'its sandboxes are a fake',
      noVolumes: 'its sandboxes are a fake',
      noBuilds: 'its sandboxes are a fake',
    },

    check: (call) => exchange('check', call, () => {}),

    provision: (spec, call, news = () => {}) =>
      provisions.join(spec.id, call, (own) => {
        news({ phase: 'starting', detail: 'Starting in memory' });
        return exchange('provision', own, () => start(spec));
      }),

    attach: (id, call) =>
      exchange('attach', call, () => {
        const { daemon, life } = running(id);
        const agent = new MemoryAgent(() => daemon.connect(), life.signal);
        const end = createLinkLifetime(life.signal);
        const close = async () => {
          end.close();
          agent.destroy();
        };
        const token = new Secret(tokenOf(id));
        return { agent, token, workdir: '/workspace', lost: end.lost, [Symbol.asyncDispose]: close };
      }),

    list: (call) =>
      exchange('list', call, () =>
        [...backend.boxes.values()].filter((box) => box.instance === instance).map(({ info }) => info),
      ),

    async destroy(id, workspace, call) {
      throwIfAborted(call.signal);
      provisions.cancel(id);
      await provisions.settled(id);
      await exchange('destroy', call, () => {
        const box = mine(id);
        if (!box) return;
        backend.kill(id, new AppError('sandbox_lost', 'The sandbox was removed.'));
        if (workspace === 'keep') box.info = { ...box.info, phase: 'stopped' };
        else backend.boxes.delete(id);
      });
    },

    pause: (id, call) =>
      exchange('pause', call, () => {
        const box = running(id);
        box.info = { ...box.info, phase: 'paused' };
      }),

    resume: (id, call) =>
      exchange('resume', call, () => {
        const box = running(id);
        box.info = { ...box.info, phase: 'ready' };
      }),

    [Symbol.asyncDispose]: () => provisions[Symbol.asyncDispose](),
  };
}

class MemoryAgent extends Agent {
  readonly #connect: () => Duplex;
  readonly #lost: AbortSignal;

  constructor(connect: () => Duplex, lost: AbortSignal) {
    super({ keepAlive: true });
    this.#connect = connect;
    this.#lost = lost;
  }

  override createConnection(_options: unknown, created?: (error: Error | null, stream: Duplex) => void) {
    if (!this.#lost.aborted) return this.#connect();
    created?.(this.#lost.reason, undefined as never);
    return undefined;
  }
}
