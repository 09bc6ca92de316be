import { createKubernetesDriver } from '../../../drivers/kubernetes/kubernetes.ts';
import { forEachConcurrent } from '../../../src/core/concurrency/for-each-concurrent.ts';
import { budget, testSpec } from '../../../test/support/conformance/harness.ts';
import { type StubAddress, stubOptions } from '../../../test/support/servers/stub-options.ts';
import type { ProgramMethods } from '../calls/child-process.ts';
import { measurePssKiB } from './process-usage.ts';

// The Kubernetes driver as the subject: it claims sandboxes from a stub of an API server in another process.

const atOnce = 16;

export async function open(stub: StubAddress, stack: AsyncDisposableStack): Promise<ProgramMethods> {
  const driver = stack.use(
    await createKubernetesDriver(
      stubOptions(stub, { engine: 'agent-sandbox', egressAddress: undefined, pendingMs: 60_000, maxInFlight: atOnce }),
    ),
  );
  return {
    async claim(count: number): Promise<void> {
      const specs = Array.from({ length: count }, () => testSpec('simulated'));
      await forEachConcurrent(specs, atOnce, async (spec) => void (await driver.provision(spec, budget())));
    },
    list: async () => (await driver.list(budget())).filter(({ phase }) => phase === 'ready').length,
    footprint: (restMs: number) => measurePssKiB(restMs),
  };
}
