import { defineDriver } from '../../../drivers/descriptor.ts';
import { drivers } from '../../../drivers/list.ts';

// Adds the fake to the drivers of this process.

const memory = defineDriver({
  label: 'a fake for tests that executes nothing',
  async open(_settings, { say, clock, image }) {
    const { MemoryBackend } = await import('./backend.ts');
    const { memoryDriver } = await import('./memory.ts');
    say('The memory driver is a fake for tests: nothing is executed.');
    return memoryDriver(new MemoryBackend(clock, [image]));
  },
});

Object.assign(drivers, { memory });
