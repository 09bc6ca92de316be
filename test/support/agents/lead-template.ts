import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fakeSettings } from './fake-models/settings.ts';

interface Lead {
  /** How many children its agent can have at once. */
  readonly children: number;
  /** The limits of its sessions, as YAML. */
  readonly session: string;
}

/** The settings of a server with the template `lead`, whose agents delegate; its model is a fake provider at `url`. */
export function leadSettings(folder: string, url: string, { children, session }: Lead): Record<string, string> {
  mkdirSync(join(folder, 'templates'));
  writeFileSync(join(folder, 'corral.yaml'), '');
  const template = `mode: react\nchildren: ${children}\nsession: {${session}}\n`;
  writeFileSync(join(folder, 'templates/lead.yaml'), template);
  return {
    CORRAL_CONFIG: join(folder, 'corral.yaml'),
    CORRAL_DRIVER: 'memory',
    ...fakeSettings('compatible', url),
    NODE_ENV: 'test',
  };
}
