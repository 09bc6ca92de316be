import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { LackingProgram } from '../driver.ts';

/** The folders in which every sandbox searches for this machine's programs. */
const folders = ['/usr/local/bin', '/usr/bin', '/bin'];
const programs: readonly LackingProgram[] = [
  {
    name: 'python3',
    text:
      'There is no python3 on this machine, so sandboxes cannot run code cells of Python and bash, or Python programs. ' +
      'Commands, files and terminals work without it. Install python3.',
  },
  {
    name: 'perl',
    text:
      'There is no perl on this machine, so sandboxes keep no metadata of files and cannot watch files. ' +
      'Commands, files and terminals work without it. Install perl.',
  },
];

/** The programs that sandboxes use and this machine lacks. */
export async function lackingPrograms(searched = folders): Promise<readonly LackingProgram[]> {
  const isThere = async (name: string) => {
    const found = await Promise.allSettled(searched.map((folder) => access(join(folder, name), constants.X_OK)));
    return found.some(({ status }) => status === 'fulfilled');
  };
  const found = await Promise.all(programs.map(({ name }) => isThere(name)));
  return programs.filter((_, index) => !found[index]);
}
