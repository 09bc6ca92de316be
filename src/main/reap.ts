import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { AppError } from '../core/errors.ts';
import { randomIds } from '../core/ids.ts';
import type { Command } from './commands.ts';
import { reapCluster } from './kubernetes.ts';

/** For a CronJob: what no server is left to end. */
export const reapCommand: Command = {
  usage: '',
  about: 'ends the pods in the namespace of the sandboxes that are past their deadline, whoever made them',
  async run(_args, { signal, print }) {
    const config = loadConfig(process.env, existsSync('corral.yaml') ? readFileSync('corral.yaml', 'utf8') : '');
    if (config.driver !== 'kubernetes') {
      throw new AppError('invalid_request', `CORRAL_DRIVER is ${config.driver}: only pods of kubernetes are reaped.`);
    }
    const settings = { ...config, dataDir: resolve(config.dataDir) };
    const names = await reapCluster(settings, config.instance ?? 'reaper', randomIds(), signal);
    for (const name of names) print(`ended ${name}`);
    print(`${names.length} ended`);
    return 0;
  },
};
