import { existsSync, readFileSync } from 'node:fs';
import { type Config, loadConfig } from '../config/config.ts';

/** What the environment says, and corral.yaml in the folder that the program was started in. */
export const ownConfig = (): Config =>
  loadConfig(process.env, existsSync('corral.yaml') ? readFileSync('corral.yaml', 'utf8') : '');
