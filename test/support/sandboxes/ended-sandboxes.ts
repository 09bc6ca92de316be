import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCgroups } from '../../../drivers/process/cgroup/open.ts';
import { resolveSandboxRoot } from '../../../src/app/parts/driver.ts';
import { run } from '../clients/api.ts';

/**
 * Ends the sandboxes of a test's server that has exited. Sandboxes outlive their server on purpose, but not the test.
 */
export async function endSandboxes(dataDir: string): Promise<void> {
  await endProcesses(`${dataDir}/`);
  await endGroups(resolveSandboxRoot(dataDir));
  const instance = await readFile(join(dataDir, 'instance'), 'utf8').catch(() => undefined);
  if (instance !== undefined) await endContainers(`label=corral.owner-instance=${instance.trim()}`);
}

/**
 * Kills the processes whose command line names the folder, or that have it mounted: only this server's sandboxes do. The
 * processes inside a sandbox do not end with the process that built it.
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
      // already ended
    }
  }
}

/** The control groups of sandboxes that no server ends any more. They are empty, but the kernel keeps them. */
async function endGroups(folder: string): Promise<void> {
  if ((await readdir(folder).catch(() => [])).length === 0) return; // there was no sandbox
  const groups = await openCgroups(folder);
  for (const name of await groups.names()) await groups.end(groups.foldersOf(name), AbortSignal.timeout(5_000));
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
