import type { RunInput } from '../../../machines/run.ts';
import { asChild, ManualActors, runInput, runWith } from './machines.ts';

export function startRun(input: Partial<RunInput> = {}) {
  const holes = new ManualActors();
  const run = asChild(runWith(holes), runInput(input));
  const resolves = async (...results: [hole: string, result: unknown][]) => {
    for (const [hole, result] of results) await holes.the(hole).resolve(result);
  };
  const tells = (type: string) => run.reports.filter((event) => event.type === type);
  /** Lets the run end: the session permits it, and the end is logged. */
  const ends = async () => {
    run.actor.send({ type: 'run.mayEnd' });
    await holes.the('end').resolve();
  };
  return { ...run, holes, resolves, tells, ends };
}
