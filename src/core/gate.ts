import { orAborted, throwIfFired } from './cancel.ts';
import { AppError } from './errors.ts';

const mostWaiting = 1_024;

/** Lets a few through at a time, in order. Rejects: queue_full, and as its signal says when that fires before its turn. */
export function gate(width: number): (signal: AbortSignal) => Promise<Disposable> {
  const waiting = new Set<() => void>();
  let free = width;
  const leave = () => {
    const [next] = waiting;
    if (!next) free++;
    else if (waiting.delete(next)) next();
  };
  const turn = async (signal: AbortSignal) => {
    if (waiting.size >= mostWaiting) throw new AppError('queue_full', 'Too many calls of this kind wait already.');
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve);
    await orAborted(promise, signal).catch((thrown: unknown) => {
      if (!waiting.delete(resolve)) leave(); // its turn came in the same moment
      throw thrown;
    });
  };
  return async (signal) => {
    throwIfFired(signal);
    if (free > 0) free--;
    else await turn(signal);
    let isOver = false;
    return {
      [Symbol.dispose]() {
        if (!isOver) leave();
        isOver = true;
      },
    };
  };
}
