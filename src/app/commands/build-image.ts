import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { callEngine, openDockerEngine } from '../../../drivers/docker/engine.ts';
import { openEngineImages } from '../../../drivers/docker/images.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { prepareDataFolder } from '../../storage/data-folder.ts';
import { createBundledImages, createDaemonBundler } from '../images/image.ts';
import { parseWithUsage, type ServerCommandDefinition } from './command.ts';

const options = {
  tag: { type: 'string' },
  desktop: { type: 'boolean', default: false },
  agents: { type: 'boolean', default: false },
  code: { type: 'boolean', default: false },
  engine: { type: 'string' },
} as const;
const patienceMs = 30 * 60_000;

export const buildImageCommand: ServerCommandDefinition = {
  usage: '[--desktop | --agents | --code] [--tag <name:tag>] [--engine unix:///var/run/docker.sock]',
  about: 'builds the sandbox image: ahead of the first start, or with your own tag for a registry',
  async run(args, { signal: stopped, print, say }) {
    const { tag, variant, engine: host } = parsed(args);
    const address = host ?? process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
    const engine = openDockerEngine(address);
    prepareDataFolder(process.env.CORRAL_DATA_DIR ?? 'data');
    const bundle = createDaemonBundler(resolve(process.env.CORRAL_DATA_DIR ?? 'data'));
    const ours = createBundledImages(bundle)[variant];
    await using images = openEngineImages(engine, [{ ...ours, buildNetwork: 'host' }]);
    const signal = combineSignals([stopped, AbortSignal.timeout(patienceMs)]);
    const created = await images
      .ensure(ours.name, { signal }, ({ detail }) => say(detail))
      .catch((thrown: unknown) => {
        if (!(thrown instanceof AppError && thrown.code === 'driver_unavailable')) throw thrown;
        const advice = `The address was ${address}: start the engine there, or set another socket with --engine or DOCKER_HOST.`;
        throw new AppError(thrown.code, `${thrown.publicMessage} ${advice}`, { cause: thrown });
      });
    if (tag === undefined) {
      print(created);
      return 0;
    }
    const [, repo = tag, version = 'latest'] = /^(.+):([^:/]+)$/.exec(tag) ?? [];
    await callEngine(signal, () => engine.getImage(created).tag({ repo, tag: version }));
    print(`${repo}:${version}`);
    return 0;
  },
};

const parsed = (args: readonly string[]) =>
  parseWithUsage(`build-image takes ${buildImageCommand.usage}`, () => {
    const { tag, engine, ...rest } = parseArgs({ args: [...args], options }).values;
    const named = (['desktop', 'agents', 'code'] as const).filter((variant) => rest[variant]);
    if (named.length > 1) throw new Error(`${named.map((variant) => `--${variant}`).join(' and ')} cannot be combined`);
    return { tag, engine, variant: named[0] ?? ('base' as const) };
  });
