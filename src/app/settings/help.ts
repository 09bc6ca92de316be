import type { Setting } from '../../config/settings.ts';
import { settings } from './schema.ts';

const shownDefault = ({ fallback }: Setting) => {
  const isEmpty = typeof fallback === 'object' && Object.keys(fallback ?? {}).length === 0;
  if (fallback === undefined || isEmpty) return 'unset by default';
  return `default ${Array.isArray(fallback) ? fallback.join(',') : fallback}`;
};

export function formatConfigHelp(commands: readonly string[] = []): string {
  const lines = settings.map((setting) => {
    const { about, accepts, key, standard, variables } = setting;
    const names = [...standard, ...variables.slice(0, 1)].join(' or ');
    return `  ${names}\n      ${about}\n      ${key}: ${accepts}; ${shownDefault(setting)}`;
  });
  return [
    'Corral runs AI agents, each in a sandbox of its own.',
    '',
    ...(commands.length === 0 ? [] : ['Without a command, it starts the server. Commands:', ...commands, '']),
    'Settings come from the environment, then from corral.yaml in the working directory, then from the defaults.',
    'CORRAL_CONFIG sets a file other than corral.yaml.',
    'Each setting is shown with its variable, what it does, its key in corral.yaml and what it accepts.',
    '',
    ...lines,
  ].join('\n');
}
