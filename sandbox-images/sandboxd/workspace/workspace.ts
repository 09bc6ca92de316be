import type { Daemon } from '../daemon.ts';
import { UnfitWorkspace } from './folder.ts';
import { keepFiles } from './keep.ts';
import { printOf } from './print.ts';

/** A larger workspace is left to programs. */
const most = 2_000;

/** The workspace as a whole, as long as it is small. */
export function workspace(root: string): Pick<Daemon, 'keepForRun' | 'printWorkspace'> {
  return {
    async keepForRun(mark) {
      const done = unlessUnfit(() => {
        keepFiles(root, mark, most);
        return true;
      });
      return { done: done ?? false };
    },
    printWorkspace: async () => unlessUnfit(() => printOf(root, most)) ?? {},
  };
}

/** Undefined also where the system refuses: a program of the sandbox says more about it. */
function unlessUnfit<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof UnfitWorkspace || (thrown as NodeJS.ErrnoException).syscall !== undefined) return undefined;
    throw thrown;
  }
}
