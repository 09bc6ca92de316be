import type { SandboxClient } from '../../sandboxes/client/client.ts';

const rounds = 5;

/** Ends every process of a sandbox. False: some of them cannot be ended. */
export async function endProcesses(client: SandboxClient, signal: AbortSignal): Promise<boolean> {
  await client.desktop.stop(signal).catch(() => {}); // most sandboxes have none, and its daemon would start it again
  for (let left = rounds; left > 0; left--) {
    const all = await client.processes(signal);
    if (all.length === 0) return true;
    // One that ended meanwhile is what we want; the next look tells about the others.
    await Promise.all(all.map(({ pid }) => client.signalProcess(pid, 'SIGKILL', signal).catch(() => {})));
  }
  return false;
}
