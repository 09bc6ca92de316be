import { expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { Packages } from '../../../src/core/model/packages.ts';
import type { ProgramOutputListener, ProgramSpec } from '../../../src/sandboxes/client/client.ts';
import { installPackages } from '../../../src/sandboxes/packages/packages.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

type Play = (
  program: ProgramSpec,
  reader: ProgramOutputListener,
) => Promise<{ exitCode: number }> | { exitCode: number };

/** A sandbox with scripted programs, and the file that marks what is installed. */
function sandbox(play: Play) {
  const clock = manualClock(0);
  const reports: string[] = [];
  const opened: ProgramSpec[] = [];
  let marked = '';
  const client = {
    async exec({ command }: { command: string }) {
      marked = /printf %s (\w+)/.exec(command)?.[1] ?? marked;
      return { exitCode: 0, stdout: command.startsWith('cat') ? marked : '', stderr: '', timedOut: false };
    },
    programs: {
      open: async (program: ProgramSpec) => void opened.push(program),
      attach: async (_: string, reader: ProgramOutputListener) => {
        const gone = Promise.withResolvers<never>();
        const played = Promise.resolve(play(opened.at(-1) as ProgramSpec, reader));
        return {
          endInput: () => {},
          detach: () => gone.reject(new AppError('sandbox_lost', 'detached')),
          ended: Promise.race([played, gone.promise]),
        };
      },
      close: async () => {},
    },
  };
  const install = (packages: Packages) =>
    installPackages(
      {
        client: client as never,
        packages,
        template: 'data',
        image: 'i',
        policy: 'registries',
        clock,
        tell: (detail) => void reports.push(detail),
      },
      new AbortController().signal,
    );
  return { clock, reports, opened, client, install };
}

test('each package manager installs its packages once for a workspace', async () => {
  const { install, opened, reports } = sandbox(() => ({ exitCode: 0 }));
  const packages = { pip: ['six', 'pandas==2.3.3'], npm: ['semver'] };
  await install(packages);
  await install(packages);
  expect(opened.map(({ argv }) => [argv[0], ...argv.slice(-2)])).toEqual([
    ['python3', 'six', 'pandas==2.3.3'],
    ['npm', '1000', 'semver'],
  ]);
  expect(reports).toEqual(['Installing with pip: six, pandas==2.3.3', 'Installing with npm: semver']);
  await install({ ...packages, npm: ['semver@7'] });
  expect(opened).toHaveLength(4);
});

test('people see every few seconds how long it takes, and the last line of the package manager', async () => {
  const done = Promise.withResolvers<{ exitCode: number }>();
  const { install, clock, reports } = sandbox((_, { onOutput }) => {
    void onOutput(Buffer.from('Collecting six\nDownloading six-1.17.0.whl (11 kB)\n'));
    return done.promise;
  });
  const installing = install({ pip: ['six'] });
  await expect.poll(() => reports.length).toBe(1);
  for (const count of [2, 3]) {
    await new Promise(setImmediate);
    clock.advance(3_000);
    await expect.poll(() => reports.length).toBe(count);
  }
  expect(reports.slice(1)).toEqual(
    [3, 6].map((seconds) => `Installing with pip, for ${seconds} s: Downloading six-1.17.0.whl (11 kB)`),
  );
  done.resolve({ exitCode: 0 });
  await installing;
});

test('a failure has the words of the package manager and says what to check, and nothing counts as installed', async () => {
  const { install, opened } = sandbox((_, { onOutput, onErrors }) => {
    void onOutput(Buffer.from('Collecting sixx\n'));
    void onErrors(Buffer.from('ERROR: No matching distribution found for sixx\n'));
    return { exitCode: 1 };
  });
  const failing = install({ pip: ['sixx'] });
  await expect(failing).rejects.toMatchObject({ code: 'packages_failed', retryable: false });
  await expect(failing).rejects.toThrow(
    'pip could not install sixx: ERROR: No matching distribution found for sixx Check packages.pip of the template data, ' +
      'and that its egress policy (registries) opens the registry.',
  );
  await install({ pip: ['sixx'] }).catch(() => {});
  expect(opened).toHaveLength(2);
});

test('an image without the package manager is named, and an endless installation is abandoned', async () => {
  const { install, client, clock, reports } = sandbox(() => new Promise(() => {}));
  const endless = install({ npm: ['semver'] });
  await expect.poll(() => reports.length).toBe(1);
  await new Promise(setImmediate);
  clock.advance(600_000);
  await expect(endless).rejects.toThrow('npm could not install semver: It did not end within 10 minutes.');
  client.programs.open = () => Promise.reject(new AppError('file_not_found', 'no npm'));
  await expect(install({ npm: ['semver'] })).rejects.toThrow('The image i cannot run npm.');
});
