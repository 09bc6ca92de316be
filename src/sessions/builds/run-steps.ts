import type { BuildContainer, CallOptions } from '../../../drivers/driver.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { buildLogKind } from '../../core/model/records.ts';
import type { BuildLogEntry, BuildStep } from '../../core/model/sandboxes/built-template.ts';
import { truncateEnd } from '../../core/text/text.ts';
import {
  type BuildStepContext,
  type BuildUser,
  computeStepContexts,
  describeBuildStep,
  parseBuildUser,
  resolveStepPath,
} from './plan.ts';

const maxEntries = 5_000;
const maxText = 2_000;
const maxTexts = 1_048_576;
const keptEveryMs = 2_000;

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly buildId: string;
  readonly records: Pick<RecordStore, 'put'>;
}

/** The stored copy, which other servers and restarted servers read, lags behind `entries`. */
export class BuildLogWriter extends ServerComponent<Deps> {
  readonly entries: BuildLogEntry[] = [];
  readonly #rest = new Map<string, string>();
  #left = maxTexts;
  #isFull = false;
  #keptAt = 0;

  /** A full log still accepts `error` entries, which report how the build ended. */
  write(level: BuildLogEntry['level'], text: string, step?: string): void {
    const shown = truncateEnd(text, maxText);
    const at = this.deps.clock.now();
    if (level !== 'error' && (this.#isFull || this.entries.length >= maxEntries || this.#left < shown.length)) {
      if (this.#isFull) return;
      this.#isFull = true;
      this.entries.push({ at, level: 'warn', text: 'The log is too long; the rest of the output is not kept.' });
      return;
    }
    this.#left -= shown.length;
    this.entries.push({ at, level, text: shown, ...(step !== undefined && { step }) });
  }

  listen(step: string): (text: string) => void {
    return (text) => {
      const lines = `${this.#rest.get(step) ?? ''}${text}`.split(/\r\n|\n|\r/);
      const rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') this.write('info', line, step);
      if (rest.length <= maxText) return void this.#rest.set(step, rest);
      this.write('info', rest, step);
      this.#rest.set(step, '');
    };
  }

  flush(): void {
    for (const [step, rest] of this.#rest) if (rest !== '') this.write('info', rest, step);
    this.#rest.clear();
  }

  async keepNow(): Promise<void> {
    if (this.deps.clock.now() - this.#keptAt >= keptEveryMs) await this.keep();
  }

  async keep(): Promise<void> {
    const { records, buildId, clock } = this.deps;
    this.#keptAt = clock.now();
    await records.put({ kind: buildLogKind, id: buildId, doc: { entries: this.entries } });
  }
}

// Callers' values are passed to these scripts as arguments, never inserted into them.

const apt = '/etc/apt/apt.conf.d/95corral-build';
const begin = `set -e
mkdir -p /home/user /workspace
find /workspace -mindepth 1 -maxdepth 1 -exec mv -t /home/user -- {} +
chown 10001:10001 /home/user
if [ -d /etc/apt/apt.conf.d ]; then echo 'Acquire::https::CaInfo "/run/corral/ca.pem";' > ${apt}; fi`;
// Sandbox volumes are filled from /workspace, which is world-writable because sandboxes run as different users.
const end = `set -e
rm -rf ${apt} /.corral-build
mkdir -p /home/user /workspace
find /home/user -mindepth 1 -maxdepth 1 -exec mv -t /workspace -- {} +
chown 10001:10001 /home/user /workspace
chmod -R a+rwX /workspace`;
const run = 'cd -- "$1" && exec /bin/bash -c "$2"';
const folder = 'set -e; if [ ! -d "$1" ]; then mkdir -p -- "$1"; chown -- "$2" "$1"; fi';
const copy = `set -e
d=/.corral-build
rm -rf "$d"; mkdir -m 700 "$d"
trap 'cd /; rm -rf "$d"' EXIT
cd "$d"
gzip -dcf | tar -x --no-same-owner -f -
shopt -s nullglob dotglob
IFS=
case $1 in
  *[*?[]*) found=($1) ;;
  *) found=("$1") ;;
esac
if [ "\${#found[@]}" -eq 0 ]; then echo "COPY: nothing is called $1" >&2; exit 1; fi
for one in "\${found[@]}"; do
  if [ ! -e "$one" ] && [ ! -L "$one" ]; then echo "COPY: there is no $one among the uploaded files" >&2; exit 1; fi
  chown -hR -- "$3" "$one"
  if [ -n "$4" ]; then chmod -R -- "$4" "$one"; fi
  if [ -d "$one" ] && [ ! -L "$one" ]; then
    mkdir -p -- "$2"
    cp -a -- "$one/." "$2"
  elif [ "\${#found[@]}" -gt 1 ] || [ "\${2%/}" != "$2" ] || [ -d "$2" ]; then
    mkdir -p -- "$2"
    cp -a -- "$one" "\${2%/}/"
  else
    mkdir -p -- "$(dirname -- "$2")"
    cp -a -- "$one" "$2"
  fi
done`;

const bash = (script: string, ...args: string[]) => ['/bin/bash', '-c', script, 'build', ...args];

const scripts = {
  begin: () => bash(begin),
  end: () => bash(end),
  run: (cwd: string, command: string) => bash(run, cwd, command),
  folder: (path: string, user: string) => bash(folder, path, user),
  copy: (from: string, to: string, { user, mode = '' }: { user: string; mode?: string | undefined }) =>
    bash(copy, from, to, user, mode),
};

export class BuildStepError extends Error {
  readonly step: string;
  constructor(step: string, message: string) {
    super(message);
    this.step = step;
  }
}
interface StepRun {
  readonly container: BuildContainer;
  readonly steps: readonly BuildStep[];
  readonly done: number;
  readonly log: BuildLogWriter;
  readonly openFiles: (hash: string) => Promise<AsyncIterable<Uint8Array>>;
}

const ids = { root: '0:0', user: '10001:10001' } as const;
const homes = { root: '/root', user: '/home/user' } as const;
// Each sandbox has its own system Python, so pip can safely install into it.
const tools = { PIP_BREAK_SYSTEM_PACKAGES: '1', PIP_ROOT_USER_ACTION: 'ignore', PIP_DISABLE_PIP_VERSION_CHECK: '1' };

/** Runs uncached steps, then prepares the files for sandboxes. Rejects: BuildStepError. */
export async function runBuildSteps(
  { container, steps, done, log, openFiles }: StepRun,
  call: CallOptions,
): Promise<void> {
  const states = computeStepContexts(steps, { env: container.env, done });
  const root = async (step: string, argv: readonly string[], stdin?: AsyncIterable<Uint8Array>) => {
    const listener = log.listen(step);
    const command = {
      argv,
      user: 'root',
      env: { HOME: '/root' },
      onOutput: listener,
      ...(stdin && { stdin }),
    } as const;
    await settled(step, container.run(command, call));
  };
  await root('base', scripts.begin());
  for (const [index, step] of steps.entries()) {
    const name = String(index + 1);
    if (index < done) {
      log.write('info', `CACHED [${name}/${steps.length}] ${describeBuildStep(step)}`, name);
      continue;
    }
    log.write('info', `[${name}/${steps.length}] ${describeBuildStep(step)}`, name);
    await one(step, states[index] as BuildStepContext, name);
    await log.keepNow();
  }
  await root('finalize', scripts.end());

  async function one(step: BuildStep, { user, folder, env }: BuildStepContext, name: string): Promise<void> {
    if (step.type === 'WORKDIR') await root(name, scripts.folder(resolveStepPath(folder, step.path), ids[user]));
    if (step.type === 'COPY') {
      const owner = ids[step.user === undefined || step.user === '' ? user : parseBuildUser(step.user)];
      const argv = scripts.copy(step.from, resolveStepPath(folder, step.to), { user: owner, mode: step.mode });
      await root(name, argv, await openFiles(step.files));
    }
    if (step.type !== 'RUN') return;
    const as: BuildUser = step.user === undefined ? user : parseBuildUser(step.user);
    const command = {
      argv: scripts.run(folder, step.command),
      user: as,
      env: { HOME: homes[as], USER: as, ...tools, ...Object.fromEntries(step.vars ?? []), ...env },
      onOutput: log.listen(name),
    };
    await settled(name, container.run(command, call));
  }
}

async function settled(step: string, running: Promise<number>): Promise<void> {
  const code = await running.catch((thrown: unknown) => {
    if (thrown instanceof AppError) throw new BuildStepError(step, thrown.publicMessage);
    throw thrown;
  });
  if (code === 0) return;
  const killed = code === 137 ? ', probably because the build ran out of memory' : '';
  throw new BuildStepError(step, `The command ended with exit code ${code}${killed}.`);
}
