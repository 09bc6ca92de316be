import { type CliCommand, jsonOption } from '../../command.ts';

export const adoptCommand: CliCommand = {
  name: 'adopt',
  args: [['<sandbox>', "the Sandbox, such as sandbox/build, in the namespace of the server's sandboxes"]],
  about:
    'creates a session in an existing Sandbox of agents.x-k8s.io and prints its id; Corral never deletes the Sandbox',
  options: [['--title <title>', "the new session's title"], jsonOption],
  examples: ['corral adopt sandbox/build', 'corral exec $(corral adopt sandbox/build) -- ls'],
  async run({ args: [adopt = ''], options, io, corral }) {
    const title = options.text('title');
    const requested = { adopt, ...(title !== undefined && { title }) };
    const session = await corral().call((api) => api.sessions.create.mutate(requested));
    io.print(options.flag('json') ? JSON.stringify(session) : session.id);
  },
};
