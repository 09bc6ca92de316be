import { type CliCommand, jsonOption, sessionArgument } from '../command.ts';
import { findBox } from '../server.ts';

const offers = {
  ready: 'This sandbox has no desktop; --add restarts it on its files with one.',
  building: 'The image with the desktop is being built',
  failed: 'The image with the desktop could not be built; the server tries again',
  none: 'Sandboxes of this server have no desktop (sandbox.desktop)',
} as const;

export const desktopCommand: CliCommand = {
  name: 'desktop',
  args: [sessionArgument],
  about: "shows whether a session's sandbox has a desktop, or can get one",
  options: [
    ['--add', 'start the desktop; a sandbox without one restarts on its files, which ends its processes'],
    jsonOption,
  ],
  examples: ['corral desktop last', 'corral desktop last --add'],
  async run({ args: [word = ''], options, io, corral }) {
    const { id: sessionId } = await findBox(corral(), word);
    const view = await corral().call((api) =>
      options.flag('add') ? api.desktop.add.mutate({ sessionId }) : api.desktop.status.query({ sessionId }),
    );
    if (options.flag('json')) {
      io.print(JSON.stringify(view));
      return;
    }
    const { state, browser, width, height, viewers, offer } = view;
    const size = state === 'running' ? `, ${width}x${height}, browser ${browser}, viewers: ${viewers}` : '';
    io.print(state === 'unsupported' ? 'none' : `${state}${size}`);
    const more = [offer.detail, offer.seconds === undefined ? undefined : `${offer.seconds} s`].filter(Boolean);
    if (state === 'unsupported') io.say(`${offers[offer.state]}${more.length > 0 ? ` (${more.join(', ')})` : ''}`);
  },
};
