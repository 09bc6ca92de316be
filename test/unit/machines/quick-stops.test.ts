import { expect, test, vi } from 'vitest';
import { createActor, fromPromise, SimulatedClock, setup } from 'xstate';
import { quickStops } from '../../../machines/quick-stops.ts';

const fired: string[] = [];
const timed = setup({ actions: { fire: () => fired.push('timer') } }).createMachine({
  after: { 1000: { actions: 'fire' } },
});
const machine = setup({ actors: { timed, quick: fromPromise(async () => 'done') } }).createMachine({
  invoke: { src: 'timed', id: 'timed' },
  initial: 'asking',
  states: { asking: { invoke: { src: 'quick', id: 'quick', onDone: 'told' } }, told: {} },
});

test('an actor without timers stops without a look at the timers of others; one with timers loses its own', async () => {
  const clock = new SimulatedClock();
  const actor = createActor(machine, { clock });
  const { scheduler } = actor.system as unknown as { scheduler: { cancelAll(source: { id: string }): void } };
  const looked = vi.spyOn(scheduler, 'cancelAll');
  quickStops(actor);
  actor.start();
  await expect.poll(() => actor.getSnapshot().value).toBe('told');
  expect(looked).not.toHaveBeenCalled();
  actor.stop();
  expect(looked.mock.calls.map(([{ id }]) => id)).toEqual(['timed']);
  clock.increment(2_000);
  expect(fired).toEqual([]);
});
