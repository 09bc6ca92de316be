import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './api.ts';

/** Ends the sandboxes of a test's server that has gone; they outlive it on purpose, and must not outlive the test. */
export async function endSandboxes(dataDir: string): Promise<void> {
  await endProcesses(`${dataDir}/`);
  const instance = await readFile(join(dataDir, 'instance'), 'utf8').catch(() => undefined);
  if (instance !== undefined) await endContainers(`label=corral.owner-instance=${instance.trim()}`);
}

/**
 * Those whose command line names the folder, or that have it mounted: only sandboxes of this very server do. What runs
 * inside the walls does not end with what built them.
 */
async function endProcesses(folder: string): Promise<void> {
  const isOurs = async (pid: string) => {
    const says = async (file: string) => await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    return (await says('cmdline')).includes(folder) || (await says('mountinfo')).includes(folder);
  };
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    if (!(await isOurs(pid))) continue;
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
