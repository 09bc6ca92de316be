import { parseArgs } from 'node:util';
import { deleteExpiredPods, deleteInstanceObjects } from '../../../drivers/kubernetes/reap.ts';
import { systemClock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { loadLocalConfig } from './local-config.ts';

const options = {
  all: { type: 'boolean', default: false },
  instance: { type: 'string' },
  namespace: { type: 'string' },
} as const;

export const reapCommand: ServerCommandDefinition = {
  usage: '[--all --instance <name>] [--namespace <name>]',
  about:
    'deletes the pods of all servers that are past their deadline, in the namespace of the sandboxes; with --all, every ' +
    'pod and volume claim of one installation, whose servers must no longer be running',
  async run(args, { signal, print }) {
    const reapOptions = parsed(args);
    const config = loadLocalConfig();
    if (config.driver !== 'kubernetes') {
      const advice = 'Set CORRAL_DRIVER=kubernetes; a server with another driver cleans up when it starts.';
      throw new AppError(
        'invalid_request',
        `CORRAL_DRIVER is ${config.driver}, and only the pods of Kubernetes can be reaped. ${advice}`,
      );
    }
    const { kubeconfig, context, namespace } = config.kubernetes;
    const at = { kubeconfig, context, namespace: reapOptions.namespace ?? namespace };
    const where = { ...at, clock: systemClock, random: Math.random };
    const names = reapOptions.all
      ? await deleteInstanceObjects({ ...where, instance: instanceOf(reapOptions) }, signal)
      : await deleteExpiredPods(where, signal);
    for (const name of names) print(`ended ${name}`);
    print(`${names.length} ended`);
    return 0;
  },
};

interface ReapOptions {
  readonly all: boolean;
  readonly instance?: string;
  readonly namespace?: string;
}

function instanceOf({ instance }: ReapOptions): string {
  if (instance) return instance;
  throw new AppError('invalid_request', 'reap --all requires --instance, the installation whose pods are deleted.');
}

const parsed = (args: readonly string[]): ReapOptions =>
  parseWithUsage(`reap takes ${reapCommand.usage}`, () => {
    const input = parseArgs({ args: [...args], options }).values;
    if (input.instance !== undefined && !input.all) throw new Error('--instance requires --all');
    return input;
  });
