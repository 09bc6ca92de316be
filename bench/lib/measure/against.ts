import { AsyncLocalStorage } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';
import type { Experiment } from './measure.ts';

export const thisCheckout = fileURLToPath(new URL('../../..', import.meta.url));
const chosen = new AsyncLocalStorage<string>();

export const measuredCheckout = (): string => chosen.getStore() ?? thisCheckout;

const inTree = <Value>(folder: string, act: () => Value): Value => chosen.run(folder, act);

/** Replaces the peer with another checkout; both sides use this checkout's clients. The bound is 1: no worse. */
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
