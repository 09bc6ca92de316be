import type { DriverHarness } from '../../../drivers/conformance/harness.ts';
import { driverConformance } from '../../../drivers/conformance/suite.ts';
import { MemoryBackend } from '../../../drivers/memory/backend.ts';
import { memoryDriver } from '../../../drivers/memory/memory.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';

const open = async (): Promise<DriverHarness> => {
  const backend = new MemoryBackend(systemClock, ['base']);
  return {
    image: 'base',
    connect: async ({ instance } = {}) => memoryDriver(backend, instance),
    killBehindItsBack: async (id) => backend.kill(id),
    remains: async (id) => (backend.boxes.has(id) ? ['box'] : []),
    [Symbol.asyncDispose]: async () => {},
  };
};

driverConformance('memory', open, { real: false, isolated: false });
