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
