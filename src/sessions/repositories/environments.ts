import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import {
  lockFileNames,
  parseRepositoryConfig,
  type RepositoryEnvironment,
} from '../../core/model/repository-environment.ts';
import { ServiceRecipes } from '../../core/model/services/recipe.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { SandboxService } from '../api/sandboxes.ts';
import { gitExitCodes, runGit, summarizeGitOutput } from './git.ts';

type Client = Pick<SandboxClient, 'exec' | 'workdir'>;
export interface FoundEnvironment {
  readonly environment: RepositoryEnvironment;
  /** A hash of `setup.sh`, the `cache` files (default: lock files) and the platform. Undefined without `setup.sh`. */
  readonly print: string | undefined;
}
export interface SetupScriptResult {
  readonly exitCode: number;
  readonly output: string;
}

const maxFileBytes = 64 * 1024;
const readMs = 60_000;
const setupMs = 30 * 60_000;
const startMs = 60_000;
const maxOutputBytes = 2_000;

const readScript = `
cd -- "$workdir/$path" && [ -d .corral ] && [ ! -L .corral ] || exit ${gitExitCodes.nothing}
own() { [ -f "$1" ] && [ ! -L "$1" ]; }
if own .corral/corral.yaml; then head -c ${maxFileBytes + 1} .corral/corral.yaml | base64 -w 0; else printf -- -; fi; echo
for script in setup start; do
  if own .corral/$script.sh; then git hash-object --no-filters -- .corral/$script.sh || exit 1; else echo -; fi
done
{ cat /etc/os-release; uname -m; } 2>/dev/null | git hash-object --stdin
`;
const hashScript = `
cd -- "$workdir/$path" || exit 1
for file in "\${files[@]}"; do
  if [ -f "$file" ]; then git hash-object --no-filters -- "$file"; else echo -; fi
done
`;

export async function readRepositoryEnvironment(
  client: Client,
  path: string,
  { parseYaml }: { readonly parseYaml: (text: string) => unknown },
  signal: AbortSignal,
): Promise<FoundEnvironment | undefined> {
  const values = { workdir: client.workdir, path };
  const output = await runGit(client, { script: readScript, values, timeoutMs: readMs }, signal);
  if (output.exitCode === gitExitCodes.nothing) return undefined;
  if (output.exitCode !== 0)
    throw new AppError('conflict', `${path}/.corral cannot be read: ${summarizeGitOutput(output.stderr)}`);
  const [value = '-', setup = '-', start = '-', system = ''] = output.stdout.split('\n');
  const read = value === '-' ? { file: {} } : parsed(Buffer.from(value, 'base64'), parseYaml);
  const file = 'file' in read ? read.file : {};
  const environment: RepositoryEnvironment = {
    problem: 'problem' in read ? read.problem : null,
    setup: setup === '-' ? 'none' : 'running',
    starts: start !== '-',
    template: file.template ?? null,
    tools: file.tools ?? [],
    egress: file.egress ?? [],
    ...(file.services && Object.keys(file.services).length > 0 && { services: file.services }),
    ports: Object.entries(file.ports ?? {}).map(([name, port]) => ({ name, port })),
    checks: Object.entries(file.checks ?? {}).map(([name, command]) => ({ name, command, last: null })),
  };
  if (setup === '-') return { environment, print: undefined };
  const files = file.cache ?? lockFileNames;
  const hashed = await runGit(client, { script: hashScript, values, lists: { files }, timeoutMs: readMs }, signal);
  if (hashed.exitCode !== 0)
    throw new AppError('conflict', `Files listed under cache cannot be read: ${summarizeGitOutput(hashed.stderr)}`);
  const print = createHash('sha256')
    .update(JSON.stringify([setup, system, files, hashed.stdout]))
    .digest('hex');
  return { environment, print };
}

function parsed(bytes: Buffer, parseYaml: (text: string) => unknown): ReturnType<typeof parseRepositoryConfig> {
  if (bytes.length > maxFileBytes) return { problem: `it is larger than ${maxFileBytes / 1024} KiB` };
  try {
    return parseRepositoryConfig(parseYaml(bytes.toString('utf8')));
  } catch (thrown) {
    const [line = ''] = String((thrown as Error).message).split('\n');
    return { problem: `it is not valid YAML: ${line.slice(0, 200)}` };
  }
}

const nameOf = (path: string) => path.replaceAll('/', '+');

/** Writes the full output to a file in the workspace. */
export async function runSetupScript(
  client: Client,
  { path }: SessionRepository,
  signal: AbortSignal,
): Promise<SetupScriptResult> {
  const command = `
cd -- ${quoteForShell(`${client.workdir}/${path}`)} || exit 1
log=${quoteForShell(`${client.workdir}/.corral/setup-${nameOf(path)}.log`)}
mkdir -p "\${log%/*}" && bash .corral/setup.sh </dev/null >"$log" 2>&1
code=$?
tail -c ${maxOutputBytes} -- "$log"
exit $code`;
  const { exitCode, stdout } = await client.exec({ command, timeoutMs: setupMs }, signal);
  return { exitCode, output: toPrintable(stdout) };
}

/** Runs the script in the background, once per start of the sandbox. */
export async function runRepositoryStartScript(
  client: Client,
  { path }: SessionRepository,
  signal: AbortSignal,
): Promise<void> {
  const command = `
cd -- ${quoteForShell(`${client.workdir}/${path}`)} && [ -f .corral/start.sh ] && [ ! -L .corral/start.sh ] || exit 0
name=${quoteForShell(nameOf(path))}
mark=${quoteForShell(client.workdir)}/.corral/started/$name
# The first process of a sandbox tells it from the one before.
now=$(cut -d ' ' -f 22 /proc/1/stat)-$(cat /proc/sys/kernel/random/boot_id)
[ "$(cat -- "$mark" 2>/dev/null)" != "$now" ] || exit 0
mkdir -p "\${mark%/*}" && printf %s "$now" >"$mark"
setsid nohup bash .corral/start.sh </dev/null >${quoteForShell(client.workdir)}/.corral/start-"$name".log 2>&1 &`;
  await client.exec({ command, timeoutMs: startMs }, signal);
}

export const toPrintable = (text: string) => text.replace(/[^\P{C}\n\t]/gu, '').trim();

export interface RepositoryServiceDeps {
  readonly servicesOf: (session: SessionRecord) => ServiceRecipes;
  /** Throws for services that cannot run with these settings or this driver. */
  readonly checkSandbox: (choice: SandboxOptions, session: SessionRecord) => void;
  readonly power: Pick<SandboxService, 'status' | 'pause'>;
  readonly change: (id: SessionId, change: Pick<SessionRecord, 'sandbox'>) => Promise<unknown>;
}
interface AllowedServices {
  readonly record: SessionRecord;
  readonly repository: SessionRepository;
  readonly names: readonly string[] | undefined;
}

/** Stops a running sandbox. Rejects before any change: not_found, conflict, errors thrown by `checkSandbox`. */
export async function allowRepositoryServices(
  { record, repository, names }: AllowedServices,
  { servicesOf, checkSandbox, power, change }: RepositoryServiceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { path, environment } = repository;
  const requested = environment?.services ?? {};
  const unknown = names?.find((name) => !Object.hasOwn(requested, name));
  if (unknown !== undefined)
    throw new AppError('not_found', `.corral/corral.yaml of ${path} has no service ${unknown}.`);
  const chosen = Object.entries(requested).filter(([name]) => names?.includes(name) ?? true);
  if (chosen.length === 0)
    throw new AppError('conflict', `The repository ${path} defines no services. Add some to its .corral/corral.yaml.`);
  const before = servicesOf(record);
  const added = chosen.filter(
    ([name, recipe]) => !(Object.hasOwn(before, name) && isDeepStrictEqual(before[name], recipe)),
  );
  if (added.length === 0) return;
  const taken = added.find(([name]) => Object.hasOwn(before, name))?.[0];
  if (taken !== undefined)
    throw new AppError(
      'conflict',
      `The session already has a service ${taken}, so the one from ${path} cannot be added.`,
    );
  const { data: services, error } = ServiceRecipes.safeParse({ ...before, ...Object.fromEntries(added) });
  if (error) {
    const [issue] = error.issues;
    throw new AppError('conflict', `services: ${issue?.path.join('.') ?? ''} ${issue?.message}.`);
  }
  checkSandbox({ services }, record);
  const { condition, keeps } = await power.status(record.id);
  const isDown = ['new', 'stopped', 'lost'].includes(condition) || (condition === 'paused' && keeps === 'files');
  // A sandbox gets its service names when it starts, so a running one is stopped first.
  if (!isDown) await power.pause(record.id, { keeps: 'files', signal });
  await change(record.id, { sandbox: { ...record.sandbox, services } });
}
