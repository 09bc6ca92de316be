import { describe, expect, onTestFinished, test } from 'vitest';
import { runFiles } from '../../../src/core/model/run-files.ts';
import { workspaceArchive } from '../../../src/sessions/forks/workspace-archive.ts';
import { takeScript } from '../../../src/sessions/run/snapshot/snapshot-scripts.ts';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';

async function opened() {
  const daemon = await realSandboxd();
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { client } = daemon;
  const shell = async (command: string) => {
    const { exitCode, stdout, stderr } = await client.exec({ command }, budget());
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  let measures = 0;
  /** Prints what the daemon sees, or what the programs see behind an older daemon. */
  const print = async (by: 'daemon' | 'programs') => {
    const sandbox =
      by === 'daemon' ? client : { ...client, workspace: { ...client.workspace, print: async () => undefined } };
    return await workspaceArchive.measure(sandbox, `measure-${measures++}`, budget());
  };
  return { client, shell, print };
}

const someFiles = `
mkdir -p deep/er empty node_modules/a && echo one >'deep/er/a name.txt' && echo two >b.txt && chmod 600 b.txt
touch -d @1700000000.123456789 b.txt && ln -s /etc/passwd link && ln -s deep other && echo x >node_modules/a/i.js
head -c 300000 /dev/zero >large.bin && mkfifo pipe`;

describe('the files as a run finds them', () => {
  test('are kept by the daemon as the programs keep them', async () => {
    const { client, shell } = await opened();
    await shell(someFiles);
    const kept = `cat ${runFiles}/list | base64 -w0; cd ${runFiles}/files; find . -type f | sort; cat deep/er/*`;
    expect(await client.workspace.keep({ run: 'one', at: 5 }, budget())).toBe(true);
    expect(await shell(`cat ${runFiles}/about`)).toBe('one\n5\n');
    const byDaemon = await shell(kept);
    await shell(`run=two at=6\n${takeScript}`);
    expect(await shell(kept)).toBe(byDaemon);
    expect(byDaemon).toContain('./b.txt');
  });

  test('are kept once for each run', async () => {
    const { client, shell } = await opened();
    await client.workspace.keep({ run: 'one', at: 5 }, budget());
    await shell('echo late >late.txt');
    await client.workspace.keep({ run: 'one', at: 6 }, budget());
    expect(await shell(`cat ${runFiles}/list`)).toBe('');
    await client.workspace.keep({ run: 'two', at: 7 }, budget());
    expect(await shell(`cat ${runFiles}/list`)).toContain('late.txt');
  });

  test.for([
    ['many files', 'mkdir many && cd many && seq 2001 | xargs touch'],
    ['a name that is not text', "touch $'\\xff'"],
    [
      'a link in place of the folder for them',
      'rm -rf .corral && mkdir /tmp/elsewhere.$$ && ln -s /tmp/elsewhere.$$ .corral',
    ],
  ] as const)('are left to programs where there is %s', async ([, command]) => {
    const { client, shell } = await opened();
    await shell(command);
    expect(await client.workspace.keep({ run: 'one', at: 5 }, budget())).toBe(false);
    await shell('if [ -L .corral ]; then rmdir "$(readlink .corral)"; rm .corral; fi');
  });
});

describe.for(['daemon', 'programs'] as const)('the print of a workspace, made by the %s,', (by) => {
  test.for([
    ['a new file', 'echo x >new.txt'],
    ['other content', 'echo other >b.txt'],
    ['another mode', 'chmod 644 b.txt'],
    ['another name', 'mv b.txt c.txt'],
    ['another target of a link', 'ln -sfn /etc/hosts link'],
    ['a folder', 'mkdir another'],
    ['a long output of a command', 'head -c 5000 /dev/zero >.corral/output/long.log'],
  ] as const)('is another one after %s', async ([, command]) => {
    const { shell, print } = await opened();
    await shell(`mkdir -p .corral/output; ${someFiles}`);
    const before = await print(by);
    await shell(command);
    expect((await print(by)).print).not.toBe(before.print);
  });

  test('stays the same after what Corral itself keeps, and after a short output', async () => {
    const { client, shell, print } = await opened();
    await shell(`mkdir -p .corral/output; ${someFiles}`);
    const before = await print(by);
    expect(before.bytes).toBeGreaterThan(300_000);
    await client.workspace.keep({ run: 'one', at: 5 }, budget());
    await shell('echo short >.corral/output/short.log');
    expect(await print(by)).toEqual(before);
  });
});
