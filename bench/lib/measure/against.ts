import { AsyncLocalStorage } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';
import type { Experiment } from './measure.ts';

/** This checkout. */
export const thisCheckout = fileURLToPath(new URL('../../..', import.meta.url));
const chosen = new AsyncLocalStorage<string>();

/** The checkout whose programs and server are started: this one, unless `inTree` chose another. */
export const measuredCheckout = (): string => chosen.getStore() ?? thisCheckout;

/** Runs `act` so that every program that it starts comes from another checkout. */
const inTree = <Value>(folder: string, act: () => Value): Value => chosen.run(folder, act);

/**
 * The experiment with another checkout as the peer, in alternating rounds. The bound is 1: no worse. Both sides use
 * this checkout's clients.
 */
export function compareWithCheckout(experiment: Experiment, folder: string): Experiment {
  const bound = experiment.better === 'lower' ? { max: 1 } : { min: 1 };
  return {
    ...experiment,
    peer: folder,
    goals: experiment.goals.map(({ stat }) => ({ stat, ...bound })),
    async open(stack) {
      const own = await experiment.open(stack);
      const other = await inTree(folder, () => experiment.open(stack));
      return { subject: () => own.subject(), peer: () => inTree(folder, () => other.subject()) };
    },
  };
}
