import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeEach, type TestContext } from 'vitest';
import { buildMockoidc } from './mockoidc/provider.ts';

const run = promisify(execFile);
const answers = (command: string, args: string[]) =>
  run(command, args, { timeout: 30_000 }).then(
    () => true,
    () => false,
  );
const components = {
  docker: { is: 'Docker answers', look: () => answers('docker', ['version']) },
  gvisor: {
    is: 'the Docker engine has the runtime runsc',
    look: () =>
      run('docker', ['info', '--format', '{{json .Runtimes}}']).then(
        ({ stdout }) => 'runsc' in (JSON.parse(stdout) as object),
        () => false,
      ),
  },
  chromium: { is: 'Chromium is installed', look: () => answers('/usr/bin/chromium', ['--version']) },
  xvnc: {
    is: 'Xvnc, xinput and xdotool are installed',
    look: () =>
      answers('sh', ['-c', 'command -v Xvnc && command -v xinput && command -v xdotool && command -v xsetroot']),
  },
  desktop: {
    is: 'Xvnc, openbox and Chromium are installed',
    look: () => answers('sh', ['-c', 'command -v Xvnc && command -v openbox && command -v chromium']),
  },
  registries: {
    is: "this machine's npm and pip reach their registries",
    look: async () =>
      (await answers('npm', ['view', 'semver', 'version'])) && (await answers('pip', ['index', 'versions', 'six'])),
  },
  mockoidc: {
    is: 'Go builds mockoidc',
    look: () =>
      buildMockoidc().then(
        () => true,
        () => false,
      ),
  },
  go: { is: 'Go is installed', look: () => answers('go', ['version']) },
  python: { is: 'python3 is installed', look: () => answers('python3', ['--version']) },
  perl: { is: 'perl is installed', look: () => answers('perl', ['-e', '1']) },
  ripgrep: { is: 'ripgrep is installed', look: () => answers('rg', ['--version']) },
  bubblewrap: {
    is: 'bubblewrap works',
    look: () => answers('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']),
  },
} as const;
const found = new Map<string, Promise<boolean>>();

export function has(name: keyof typeof components): Promise<boolean> {
  const looked = found.get(name) ?? components[name].look();
  found.set(name, looked);
  return looked;
}

/** Skips each test of the file or block as `needs` does. A `beforeAll` runs earlier, and calls `has` itself. */
export const eachNeeds = (name: keyof typeof components): void => beforeEach(({ skip }) => needs({ skip }, name));

/** Skips the test with a reason where the component is missing; in CI a missing component is an error. */
export async function needs(context: Pick<TestContext, 'skip'>, name: keyof typeof components): Promise<void> {
  const { is } = components[name];
  if (await has(name)) return;
  if (process.env.CI === 'true') throw new Error(`needed in CI: ${is}`);
  context.skip(`needs that ${is}`);
}
