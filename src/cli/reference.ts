import type { CliCommand } from './command.ts';
import { exitCodes } from './exit-codes.ts';

/** Generates the reference in docs/cli.md from the descriptions of the commands. */
export function cliReference(commands: readonly CliCommand[]): string {
  const rows = Object.values(exitCodes).map(({ code, about }) => `| ${code} | ${about} |`);
  return `${[...commands.map(section), ['## Exit codes', '', '| code | meaning |', '| --- | --- |', ...rows].join('\n')].join('\n\n')}\n`;
}

function section({ name, args, about, options, examples }: CliCommand): string {
  const usage = ['corral', name, ...(options.length > 0 ? ['[options]'] : []), ...args.map(([one]) => one)].join(' ');
  const items = [
    ...args.map(([one, text]) => [one, text]),
    ...options.map(([flags, text]) => repeated(flags, text)),
  ].map(([one, text]) => `- \`${one}\`: ${text}`);
  return [
    `### ${name}`,
    `\`${usage}\``,
    `${about.charAt(0).toUpperCase()}${about.slice(1)}.`,
    ...(items.length > 0 ? [items.join('\n')] : []),
    `\`\`\`bash\n${examples.join('\n')}\n\`\`\``,
  ].join('\n\n');
}

const repeated = (flags: string, text: string) =>
  flags.includes('...') ? [flags.replace('...', ''), `${text} (repeatable)`] : [flags, text];
