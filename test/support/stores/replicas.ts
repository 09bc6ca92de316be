import type { Capabilities } from '../../../drivers/driver.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { MemoryBackend } from '../memory-driver/backend.ts';
import { memoryDriver } from '../memory-driver/memory.ts';
import { type ComposedCore, composeCore } from '../servers/composed.ts';

export interface Replicas extends AsyncDisposable {
  readonly store: Store;
  readonly backend: MemoryBackend;
  /** Starts a further server; it ends with the others, or when it is disposed. */
  another(settings?: Record<string, string>): Promise<ComposedCore>;
  events(id: SessionId): Promise<SessionEvent[]>;
}

/** Several servers in this process with one store and one set of sandboxes, as on several machines. */
export async function replicas(
  settings: Record<string, string> = {},
  capabilities: Partial<Capabilities> = {},
): Promise<Replicas> {
  await using stack = new AsyncDisposableStack();
  const store = createInMemoryStore({ shared: true });
  const backend = new MemoryBackend(systemClock, ['corral/sandbox', 'corral/sandbox-desktop']);
  const all = { CORRAL_REPLICAS_LEASE_SECONDS: '1', ...settings };
  const servers = new Set<ComposedCore>();
  stack.defer(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
  const held = stack.move();
  return {
    store,
    backend,
    async another(more = {}) {
      const plain = memoryDriver(backend);
      const driver = { ...plain, capabilities: { ...plain.capabilities, ...capabilities } };
      const server = await composeCore({ ...all, ...more }, undefined, { store, driver });
      servers.add(server);
      return {
        ...server,
        async [Symbol.asyncDispose]() {
          if (servers.delete(server)) await server[Symbol.asyncDispose]();
        },
      };
    },
    events: async (id) => (await store.events.page(id, 0, 100_000)).events,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
