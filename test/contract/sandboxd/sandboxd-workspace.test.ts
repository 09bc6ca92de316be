import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { runFilesFolder } from '../../../src/core/model/run-files.ts';
import type { ProgramSpec, SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { workspaceArchiver } from '../../../src/sessions/forks/workspace-archive.ts';
import { workspaceFileOps } from '../../../src/sessions/manifests/workspace-files.ts';
import { baselineScript } from '../../../src/sessions/run/snapshot/run-snapshots.ts';
import { openedSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';

async function opened() {
  const { client } = await openedSandboxd();
  const shell = async (command: string) => {
    const { exitCode, stdout, stderr } = await client.exec({ command }, budget());
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  let measures = 0;
  /** Prints what the daemon reports, or what programs report when the daemon is old. */
  const print = async (by: 'daemon' | 'programs') => {
    const sandbox =
      by === 'daemon' ? client : { ...client, workspace: { ...client.workspace, print: async () => undefined } };
    return await workspaceArchiver.measure(sandbox, `measure-${measures++}`, budget());
  };
  return { client, shell, print };
}

/** The client, whose programs get these variables. */
function withVariables(client: SandboxClient, env: readonly string[]): SandboxClient {
  const open = (program: ProgramSpec, signal: AbortSignal) => client.programs.open({ ...program, env }, signal);
  return { ...client, programs: { ...client.programs, open } };
}

const someFiles = `
mkdir -p deep/er empty node_modules/a && echo one >'deep/er/a name.txt' && echo two >b.txt && chmod 600 b.txt
touch -d @1700000000.123456789 b.txt && ln -s /etc/passwd link && ln -s deep other && echo x >node_modules/a/i.js
head -c 300000 /dev/zero >large.bin && mkfifo pipe`;

describe('the files as a run finds them', () => {
  test('are kept by the daemon as the programs keep them', async () => {
    const { client, shell } = await opened();
    await shell(someFiles);
    const kept = `cat ${runFilesFolder}/list | base64 -w0; cd ${runFilesFolder}/files; find . -type f | sort; cat deep/er/*`;
    expect(await client.workspace.keep({ run: 'one', at: 5 }, budget())).toBe(true);
    expect(await shell(`cat ${runFilesFolder}/about`)).toBe('one\n5\n');
    const byDaemon = await shell(kept);
    await shell(`run=two at=6\n${baselineScript}`);
    expect(await shell(kept)).toBe(byDaemon);
    expect(byDaemon).toContain('./b.txt');
  });

  test('are kept once for each run', async () => {
    const { client, shell } = await opened();
    await client.workspace.keep({ run: 'one', at: 5 }, budget());
    await shell('echo late >late.txt');
    await client.workspace.keep({ run: 'one', at: 6 }, budget());
    expect(await shell(`cat ${runFilesFolder}/list`)).toBe('');
    await client.workspace.keep({ run: 'two', at: 7 }, budget());
    expect(await shell(`cat ${runFilesFolder}/list`)).toContain('late.txt');
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

test.for([
  { as: 'a sandbox with node', node: undefined },
  { as: 'one whose node fails', node: 'exit 1' },
])('the manifest of a workspace has the hash of each file, small or large, in $as', async ({ node }) => {
  const { client, shell } = await opened();
  const names = "'large one'; cp large* $'large\\n\\xff'; printf small >small; : >empty; ln -s small link";
  await shell(
    `head -c 700000 /dev/zero >${names}; mkdir .corral; printf '#!/bin/sh\n${node}\n' >.corral/node; chmod 755 .corral/node`,
  );
  const env = [`PATH=${node ? `${client.workdir}/.corral:` : ''}${process.env.PATH}`];
  const { entries } = await workspaceFileOps.list(withVariables(client, env), 'list', budget());
  const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
  const large = `f 644 700000 ${sha256(Buffer.alloc(700_000))}`;
  expect(Object.fromEntries(entries)).toEqual({
    'large one': large,
    'large\n\u00ff': large,
    small: `f 644 5 ${sha256('small')}`,
    empty: `f 644 0 ${sha256('')}`,
    link: 'l small',
  });
});

describe('a packed workspace', () => {
  test.for([
    { bytes: 1_000, as: 'a small one' },
    { bytes: 2 ** 30, as: 'a large one, whose bytes that get no smaller are only stored' },
  ])('is the same in another sandbox: $as', async ({ bytes }) => {
    const [source, target] = [await opened(), await opened()];
    await source.shell(`${someFiles}
head -c 3000000 /dev/urandom >dense.bin; yes 'the same line' | head -c 3000000 >plain.txt; chmod 750 dense.bin`);
    const content = await Array.fromAsync(workspaceArchiver.pack(source.client, { name: 'pack', bytes }, budget()));
    const packed = Buffer.concat(content);
    expect(packed.length).toBeLessThan(3_200_000);
    expect(gunzipSync(packed).length).toBeGreaterThan(6_000_000);
    await workspaceArchiver.unpack(target.client, { name: 'unpack', content: Readable.from(content) }, budget());
    const hash = 'tar --sort=name --format=gnu -cf - * | sha256sum';
    expect(await target.shell(hash)).toBe(await source.shell(hash));
  });

  test('is no copy where the compression fails', async () => {
    const { client, shell } = await opened();
    await shell(
      'mkdir bin && printf "#!/bin/sh\\nexit 1\\n" >bin/gzip && chmod 755 bin/gzip && head -c 100000 /dev/urandom >a',
    );
    const broken = withVariables(client, [`PATH=${client.workdir}/bin:/usr/bin:/bin`]);
    const packing = Array.fromAsync(workspaceArchiver.pack(broken, { name: 'pack' }, budget()));
    await expect(packing).rejects.toMatchObject({ code: 'conflict' });
  });
});
