import { createTimeoutSignal, raceAbort, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { findRequestedPackages, type PackageManager, type Packages } from '../../core/model/packages.ts';
import { digestJson } from '../../core/text/digest.ts';
import { truncateEnd, truncateStart } from '../../core/text/text.ts';
import type { SandboxClient } from '../client/client.ts';

// Installs packages into the home directory, because the root file system is read-only.

const commands: Record<PackageManager, readonly string[]> = {
  pip: [
    ...['python3', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'],
    ...['--retries', '2'],
  ],
  // At log level `http`, npm logs each request, which is its only progress output.
  npm: [
    ...['npm', 'install', '--global', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel', 'http'],
    ...['--fetch-retries', '2', '--fetch-retry-mintimeout', '1000'],
  ],
};
/** The agent can change this file, but the change affects only its own packages. */
const mark = '"$HOME/.local/corral-packages"';
const limitMs = 600_000;
const tellEveryMs = 3_000;
const closeMs = 10_000;
const keptChars = 4_000;

interface Install {
  readonly client: Pick<SandboxClient, 'exec' | 'programs'>;
  readonly packages: Packages;
  readonly template: string;
  readonly image: string;
  readonly policy: string;
  readonly clock: Clock;
  readonly tell: (detail: string) => void;
}

/** Rejects: packages_failed, with the package manager's message or another reason. */
export async function installPackages(install: Install, signal: AbortSignal): Promise<void> {
  const { client, packages, image, clock } = install;
  const requested = findRequestedPackages(packages);
  if (requested.length === 0) return;
  const all = digestJson([image, requested]);
  const { stdout } = await client.exec({ command: `cat ${mark} 2>/dev/null`, timeoutMs: closeMs }, signal);
  if (stdout.trim() === all) return;
  using until = createTimeoutSignal(limitMs, clock, signal);
  for (const [manager, names] of requested) await oneManager(install, { manager, names }, until.signal);
  throwIfAborted(signal);
  const write = `mkdir -p "$HOME/.local" && printf %s ${all} > ${mark}`;
  await client.exec({ command: write, timeoutMs: closeMs }, signal);
}

interface InstallTask {
  readonly manager: PackageManager;
  readonly names: readonly string[];
}

async function oneManager(install: Install, { manager, names }: InstallTask, signal: AbortSignal): Promise<void> {
  const { client, image, clock, tell } = install;
  const since = clock.now();
  const id = `packages-${manager}`;
  let text = '';
  const hear = (chunk: Buffer) => {
    text = truncateStart(text + chunk, keptChars);
  };
  const work = { manager, names };
  tell(`Installing with ${manager}: ${names.join(', ')}`);
  await client.programs.close(id, signal).catch(() => {}); // an earlier server process may have left this program running
  await client.programs.open({ id, argv: [...commands[manager], ...names] }, signal).catch((thrown: unknown) => {
    if (!(thrown instanceof AppError && ['file_not_found', 'unsupported'].includes(thrown.code))) throw thrown;
    throw failure(install, work, `The image ${image} cannot run ${manager}.`);
  });
  try {
    const pipes = await client.programs.attach(id, { onOutput: hear, onErrors: hear }, signal);
    pipes.endInput();
    const seconds = () => Math.round((clock.now() - since) / 1_000);
    const over = new AbortController();
    const report = async () => tell(`Installing with ${manager}, for ${seconds()} s: ${lastLine(text)}`);
    void runAtIntervals(report, { everyMs: tellEveryMs, clock }, over.signal);
    const { exitCode } = await raceAbort(pipes.ended, signal).finally(() => {
      over.abort();
      pipes.detach();
    });
    if (exitCode !== 0) throw failure(install, work, complaintIn(text) || `It ended with exit code ${exitCode}.`);
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === 'deadline_exceeded') {
      throw failure(
        install,
        work,
        `It did not end within ${limitMs / 60_000} minutes. Its last output: ${lastLine(text)}`,
      );
    }
    throw thrown;
  } finally {
    await client.programs.close(id, AbortSignal.timeout(closeMs)).catch(() => {});
  }
}

const linesOf = (text: string): string[] =>
  text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
const lastLine = (text: string): string => truncateEnd(linesOf(text).at(-1) ?? 'no output yet', 200);

function complaintIn(text: string): string {
  const lines = linesOf(text);
  const errors = lines.filter((line) => /^(error|npm err|npm error)/i.test(line) && !/complete log/i.test(line));
  return truncateEnd((errors.length > 0 ? errors : lines).slice(-4).join(' '), 600);
}

function failure({ template, policy }: Install, { manager, names }: InstallTask, why: string): AppError {
  const advice =
    `Check packages.${manager} of the template ${template}, and that its egress policy (${policy}) opens the registry. ` +
    'The sandbox starts again with the next command.';
  return new AppError('packages_failed', `${manager} could not install ${names.join(', ')}: ${why} ${advice}`);
}
