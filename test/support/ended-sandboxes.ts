import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './api.ts';

/** Ends the sandboxes of a test's server that has gone; they outlive it on purpose, and must not outlive the test. */
export async function endSandboxes(dataDir: string): Promise<void> {
  await endProcesses(`${dataDir}/`);
  const instance = await readFile(join(dataDir, 'instance'), 'utf8').catch(() => undefined);
  if (instance !== undefined) await endContainers(`label=corral.owner-instance=${instance.trim()}`);
}

/** Those whose command line names the folder: only a sandbox of this very server does. */
async function endProcesses(folder: string): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!line.includes(folder)) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
}

async function endContainers(label: string): Promise<void> {
  const ids = async (...list: string[]) => {
    const found = await run('docker', [...list, '-q', '--filter', label]).catch(() => ({ stdout: '' })); // no Docker: none
    return found.stdout.split('\n').filter(Boolean);
  };
  const containers = await ids('ps', '-a');
  if (containers.length > 0) await run('docker', ['rm', '-f', ...containers]);
  const volumes = await ids('volume', 'ls');
  if (volumes.length > 0) await run('docker', ['volume', 'rm', '-f', ...volumes]);
}
