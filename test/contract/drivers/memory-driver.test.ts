import { systemClock } from '../../../src/core/contracts/clock.ts';
import type { DriverHarness } from '../../support/conformance/harness.ts';
import { driverConformance } from '../../support/conformance/suite.ts';
import { MemoryBackend } from '../../support/memory-driver/backend.ts';
import { memoryDriver } from '../../support/memory-driver/memory.ts';

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
