import { type CliCommand, UsageError } from './command.ts';
import { clientCommands } from './commands/list.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completionCommand: CliCommand = {
  name: 'completion',
  args: [['<shell>', shells.join(', ')]],
  about: 'prints the completions for a shell',
  options: [],
  examples: [
    'corral completion bash > ~/.local/share/bash-completion/completions/corral',
    'corral completion zsh > "$fpath[1]/_corral"',
    'corral completion fish > ~/.config/fish/completions/corral.fish',
  ],
  async run({ args: [name], io }) {
    const shell = shells.find((one) => one === name);
    if (!shell) throw new UsageError(`There are completions for ${shells.join(', ')}.`);
    io.stdout.write(scripts[shell]([...clientCommands, completionCommand]));
  },
};

const parseLongFlag = (flags: string) => /--[a-z-]+/.exec(flags)?.[0] ?? '';
const takesSession = ({ args }: CliCommand) => args.some(([usage]) => usage.includes('session'));
const ask = 'corral ls --quiet 2>/dev/null';
const others = ['serve', 'up', 'down', 'doctor', 'keys', 'try', 'export', 'import', 'settings', 'help'];

function bash(commands: readonly CliCommand[]): string {
  const cases = commands.map((command) => {
    const words = command.options.map(([flags]) => parseLongFlag(flags)).join(' ');
    const ids = takesSession(command) ? ` last $(${ask})` : '';
    return `    ${command.name}) words="${words}${ids}" ;;`;
  });
  return `# bash completions of corral
_corral() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" = 1 ]; then words="${[...commands.map(({ name }) => name), ...others].join(' ')}"; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ \${#COMPREPLY[@]} = 0 ] && [ "$COMP_CWORD" != 1 ]; then COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -F _corral corral
`;
}

function zsh(commands: readonly CliCommand[]): string {
  const escaped = (text: string) => text.replaceAll(/[\\'"`$[\]:]/g, '');
  const names = commands.map(({ name, about }) => `    '${name}:${escaped(about)}'`);
  const cases = commands.map((command) => {
    const flags = command.options.map(([flags, about]) => `'${parseLongFlag(flags)}[${escaped(about)}]'`).join(' ');
    const ids = takesSession(command) ? ` '*:session:(last '"$(${ask} | tr '\\n' ' ')"')'` : " '*:file:_files'";
    return `    ${command.name}) _arguments ${flags}${ids} ;;`;
  });
  return `#compdef corral
_corral() {
  local -a names
  names=(
${names.join('\n')}
${others.map((name) => `    '${name}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command names; return; fi
  case "$words[2]" in
${cases.join('\n')}
    *) _files ;;
  esac
}
_corral "$@"
`;
}

function fish(commands: readonly CliCommand[]): string {
  const escaped = (text: string) => text.replaceAll(/['\\]/g, "\\'");
  const lines = commands.flatMap((command) => {
    const inside = `-n '__fish_seen_subcommand_from ${command.name}'`;
    return [
      `complete -c corral -n __fish_use_subcommand -f -a ${command.name} -d '${escaped(command.about)}'`,
      ...command.options.map(
        ([flags, about]) => `complete -c corral ${inside} -l ${parseLongFlag(flags).slice(2)} -d '${escaped(about)}'`,
      ),
      ...(takesSession(command) ? [`complete -c corral ${inside} -a 'last (${ask})'`] : []),
    ];
  });
  const rest = others.map((name) => `complete -c corral -n __fish_use_subcommand -f -a ${name}`);
  return `# fish completions of corral\n${[...lines, ...rest].join('\n')}\n`;
}

const scripts = { bash, zsh, fish };
