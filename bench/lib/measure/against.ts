import type { Experiment } from './measure.ts';
import { inTree } from './tree.ts';

/** Memory and counts do not depend on the machine's pace, so two runs of such a row can be compared. */
export const isTimed = ({ feels }: Experiment): boolean => feels === 'noise';

/**
 * The experiment with another checkout's subject in place of its peer, round by round in turn. The bound is 1: no worse. The
 * clients are this checkout's on both sides.
 */
export function against(experiment: Experiment, folder: string): Experiment {
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
