// The cost of XState alone: an idle parent with two parallel states and two children. This is about the shape of a
// session with its sandbox and its run.
import { createActor, setup } from 'xstate';
import type { Program } from '../lib/child-process.ts';
import { type Footprint, footprint } from '../lib/memory.ts';

const child = setup({ types: { events: {} as { type: 'go' } } }).createMachine({
  initial: 'waiting',
  states: { waiting: { on: { go: 'going' } }, going: {} },
});
const family = setup({ actors: { child }, types: { events: {} as { type: 'go' } } }).createMachine({
  type: 'parallel',
  states: {
    sandbox: { initial: 'here', states: { here: { invoke: { id: 'sandbox', src: 'child' } } } },
    run: { initial: 'here', states: { here: { invoke: { id: 'run', src: 'child' } } } },
  },
});

export async function open(): Promise<Program> {
  const actors = new Set<unknown>();
  return {
    methods: {
      async grow({ count, restMs }: { count: number; restMs: number }): Promise<Footprint> {
        for (let n = 0; n < count; n++) actors.add(createActor(family).start());
        return await footprint(restMs);
      },
    },
    async [Symbol.asyncDispose]() {
      actors.clear();
    },
  };
}
