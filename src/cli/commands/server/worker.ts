import { hostname } from 'node:os';
import { type CliCommand, exitCodes, UsageError } from '../../command.ts';
import type { WorkerBoxOptions } from '../../worker/session-boxes.ts';

const hosted = 'https://api.anthropic.com';

export const workerCommand: CliCommand = {
  name: 'worker',
  args: [],
  about:
    'provides sandboxes for the sessions of a self-hosted environment of any Managed Agents server, until it is stopped',
  options: [
    ['--environment <id>', 'the environment; default ANTHROPIC_ENVIRONMENT_ID'],
    ['--api <url>', `the Managed Agents server; default ANTHROPIC_BASE_URL, else ${hosted}`],
    ['--max-sessions <count>', 'maximum number of sessions at the same time; default 4'],
    ['--max-idle <seconds>', 'release a session after this many seconds without work; default 60'],
    ['--template <name>', 'the template of the sandboxes'],
    ['--egress <host...>', 'allow only these of the hosts that the server permits; `none` for no hosts'],
    ['--cpus <count>', 'processors per sandbox'],
    ['--memory <size>', 'memory per sandbox, such as 2GiB'],
    ['--idle-timeout <seconds>', 'stop an unused sandbox after this many seconds; its files are kept'],
  ],
  examples: [
    'ANTHROPIC_ENVIRONMENT_KEY=… corral worker --environment env_01ABC',
    'corral worker --environment env_01ABC --egress api.example.com --memory 2GiB',
  ],
  async run({ options, io, corral }) {
    const environmentId = options.text('environment') ?? io.env.ANTHROPIC_ENVIRONMENT_ID;
    if (!environmentId) throw new UsageError('Set the environment with --environment or ANTHROPIC_ENVIRONMENT_ID.');
    if (!/^[\w-]{1,128}$/.test(environmentId))
      throw new UsageError(`${environmentId} is not the id of an environment.`);
    // Every user of the machine could read a key on the command line.
    const key = io.env.ANTHROPIC_ENVIRONMENT_KEY;
    if (!key) throw new UsageError("Set ANTHROPIC_ENVIRONMENT_KEY to the environment's key.");
    const url = options.text('api') ?? (io.env.ANTHROPIC_BASE_URL || hosted);
    if (!URL.canParse(url)) throw new UsageError(`${url} is not the address of a server.`);
    const count = (name: string, usual: number): number => {
      const value = options.text(name);
      if (value !== undefined && !(Number(value) > 0))
        throw new UsageError(`--${toFlag(name)} needs a number above 0.`);
      return value === undefined ? usual : Number(value);
    };
    const [maxSessions, maxIdle] = [count('maxSessions', 4), count('maxIdle', 60)];

    const [{ AgentsApi }, { SessionBoxes }, { runWorker }] = await Promise.all([
      import('../../worker/agents-api.ts'),
      import('../../worker/session-boxes.ts'),
      import('../../worker/worker.ts'),
    ]);
    const api = new AgentsApi({ url, key, workerId: `corral-${hostname()}-${process.pid}` });
    const boxes = new SessionBoxes(corral(), environmentId, parseBoxChoice(options, count));
    const say = (line: string) => io.say(line);
    await runWorker({ api, environmentId, boxes, maxSessions, maxIdleMs: maxIdle * 1_000, say }, io.signal);
    return exitCodes.ok.code;
  },
};

function parseBoxChoice(
  options: Parameters<CliCommand['run']>[0]['options'],
  count: (name: string, usual: number) => number,
): WorkerBoxOptions {
  const [template, memory] = [options.text('template'), options.text('memory')];
  const hosts = options.texts('egress');
  const hasCpus = options.text('cpus') !== undefined;
  const size = { ...(hasCpus && { cpus: count('cpus', 1) }), ...(memory !== undefined && { memory }) };
  return {
    ...(template !== undefined && { template }),
    ...(options.text('idleTimeout') !== undefined && { idleTimeout: count('idleTimeout', 60) }),
    ...(hosts.length > 0 && { egress: hosts.includes('none') ? ('none' as const) : hosts }),
    ...((hasCpus || memory !== undefined) && { size }),
  };
}

const toFlag = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
