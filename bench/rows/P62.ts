import type { Experiment, Row } from '../lib/measure.ts';
import { nothingMissing } from '../lib/measure.ts';
import { budget, growing } from './P26.ts';

// The cost of sessions that have finished their run and left memory, from the first thousand to the ten thousandth. Each
// round adds a thousand, and divides the process's growth since the first thousand by the sessions added since.

export const P62: Row = {
  id: 'P62',
  title: 'memory by the number of finished sessions, 1,000 to 10,000',
  missing: nothingMissing,
  experiments: (mode) => (mode === 'quick' ? [] : [experiment()]), // P26 has the small one
};

const budgetKiB = 2;

function experiment(): Experiment {
  return {
    ...{ id: 'P62', variant: { session: 'finished', of: 'Pss', to: 10_000 }, unit: 'KiB', better: 'lower' },
    ...{ subject: 'corral-idle', peer: `budget of ${budgetKiB} KiB`, feels: 'nothing' },
    goals: [{ stat: 'p50', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 8, max: 8, capMs: 600_000 },
    open: async () => {
      const subject = await growing('corral-idle', { state: 'finished' }, { count: 1_000, restMs: 2_000 });
      return { ...budget(budgetKiB), subject: subject.round, [Symbol.asyncDispose]: subject[Symbol.asyncDispose] };
    },
  };
}
