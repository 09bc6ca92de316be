import { describe, expect, test } from 'vitest';
import { loadCommand, renderRequestedHelp } from '../../../../src/app/commands/list.ts';

const all = (commands: readonly string[]) => `everything, and ${commands.length} commands`;

describe('help', () => {
  test.each([[['help']], [['--help']], [['-h']], [['help', '--help']]])('%j shows everything', async (args) =>
    expect(await renderRequestedHelp(args, all)).toMatch(/^everything, and \d\d commands$/),
  );

  test.each([[['help', 'keys']], [['keys', '--help']], [['keys', 'create', '-h']]])(
    '%j shows its usage alone',
    async (args) =>
      expect(await renderRequestedHelp(args, all)).toMatch(
        /^[.]\/corral keys create --role <role> .*\n +creates, lists and revokes/,
      ),
  );

  test('is not shown to whoever does not ask for it', async () => {
    expect([await renderRequestedHelp([], all), await renderRequestedHelp(['keys', 'list'], all)]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('an unknown command', () => {
  test('is an error that suggests the one that was probably meant', async () => {
    await expect(loadCommand(['docter'])).rejects.toThrow('There is no command docter; did you mean doctor?');
    await expect(renderRequestedHelp(['help', 'docter'], all)).rejects.toThrow('did you mean doctor?');
  });

  test('is an error that lists them where it is like none of them', () =>
    expect(loadCommand(['frobnicate'])).rejects.toThrow(/the commands are up, down, try, .*keys/));

  test('but looks like an option is an error that says where settings come from', () =>
    expect(loadCommand(['--port'])).rejects.toThrow('There is no option --port. Settings are not arguments'));
});
