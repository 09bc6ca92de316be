/**
 * The processor time that the work took on this thread, in ms. Even on a busy machine a bound on it distinguishes a
 * wrong algorithm, because the time of other processes is not counted.
 */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
