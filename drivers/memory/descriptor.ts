import { describeDriver } from '../descriptor.ts';

export const memory = describeDriver({
  label: 'a fake for tests that executes nothing',
  async open(_settings, { say, clock, image }) {
    const { MemoryBackend } = await import('./backend.ts');
    const { memoryDriver } = await import('./memory.ts');
    say('The memory driver is a fake for tests: nothing is executed.');
    return memoryDriver(new MemoryBackend(clock, [image]));
  },
});
