import { type CliCommand, jsonOption } from '../../command.ts';

function command(name: 'drain' | 'undrain', about: string): CliCommand {
  return {
    name,
    args: [],
    about,
    options: [jsonOption],
    examples: [`corral ${name}`],
    async run({ options, io, corral }) {
      const state = await corral().call((api) => api.drain.set.mutate({ draining: name === 'drain' }));
      const text = state.draining ? `draining; ${state.working} active sessions continue` : 'takes new sessions';
      io.print(options.flag('json') ? JSON.stringify(state) : text);
    },
  };
}

export const drainCommand = command(
  'drain',
  'prepares a server for maintenance: no new sessions, unused sandboxes pause',
);
export const undrainCommand = command('undrain', 'lets a drained server take new sessions again');
