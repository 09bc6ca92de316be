/**
 * The processor time that the work took on this thread, in ms. A bound on it tells a wrong algorithm from a right one on a busy
 * machine too, because no clock runs while other processes have the processor.
 */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** Watches how long this thread's event loop is kept by one piece of work: the processor time of its longest turn, in ms. */
export function longestTurn(): Disposable & { readonly ms: number } {
  let [ms, before, isOver] = [0, process.threadCpuUsage(), false];
  const turn = (): void => {
    const { user, system } = process.threadCpuUsage(before);
    ms = Math.max(ms, (user + system) / 1_000);
    before = process.threadCpuUsage();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    get ms() {
      return ms;
    },
    [Symbol.dispose]() {
      isOver = true;
    },
  };
}
