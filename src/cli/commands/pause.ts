import type { Outputs } from '../../client/types.ts';
import { type CliCommand, jsonOption, sessionArgument, UsageError } from '../command.ts';
import { findBox } from '../server.ts';

type Status = Outputs['sandbox']['status'];
const kinds = ['memory', 'files'] as const;

export const formatSandboxCondition = ({ condition, keeps }: Pick<Status, 'condition' | 'keeps'>): string =>
  keeps === null ? condition : `${condition}, ${keeps === 'memory' ? 'with its memory' : 'with its files'}`;

export const pauseCommand: CliCommand = {
  name: 'pause',
  args: [sessionArgument],
  about: "pauses a session's sandbox until its next use, and prints what was kept",
  options: [
    ['--keep <what>', 'memory or files; default: as much as the sandbox can keep (see corral show)'],
    jsonOption,
  ],
  examples: ['corral pause last', 'corral pause last --keep files'],
  async run({ args: [word = ''], options, io, corral }) {
    const keeps = kinds.find((one) => one === options.text('keep'));
    if (options.text('keep') !== undefined && !keeps) throw new UsageError(`--keep must be ${kinds.join(' or ')}.`);
    const box = await findBox(corral(), word);
    const status = await box.pause(keeps);
    io.print(options.flag('json') ? JSON.stringify(status) : formatSandboxCondition(status));
  },
};

export const resumeCommand: CliCommand = {
  name: 'resume',
  args: [sessionArgument],
  about: "resumes a session's paused sandbox, or starts one that is not running",
  options: [jsonOption],
  examples: ['corral resume last'],
  async run({ args: [word = ''], options, io, corral }) {
    const status = await (await findBox(corral(), word)).resume();
    io.print(options.flag('json') ? JSON.stringify(status) : formatSandboxCondition(status));
  },
};

const offers = {
  ready: 'This sandbox has no desktop; --add restarts it with one and keeps its files.',
  building: 'The image with the desktop is being built',
  failed: 'The image with the desktop could not be built; the server tries again',
  none: 'Sandboxes of this server have no desktop (sandbox.desktop)',
} as const;

export const desktopCommand: CliCommand = {
  name: 'desktop',
  args: [sessionArgument],
  about: "shows whether a session's sandbox has a desktop, or can get one",
  options: [
    ['--add', 'start the desktop; a sandbox without one is restarted, which keeps its files and ends its processes'],
    jsonOption,
  ],
  examples: ['corral desktop last', 'corral desktop last --add'],
  async run({ args: [word = ''], options, io, corral }) {
    const { id: sessionId } = await findBox(corral(), word);
    const view = await corral().call((api) =>
      options.flag('add') ? api.desktop.add.mutate({ sessionId }) : api.desktop.status.query({ sessionId }),
    );
    if (options.flag('json')) return io.print(JSON.stringify(view));
    const { state, browser, width, height, viewers, offer } = view;
    const size = state === 'running' ? `, ${width}x${height}, browser ${browser}, viewers: ${viewers}` : '';
    io.print(state === 'unsupported' ? 'none' : `${state}${size}`);
    const more = [offer.detail, offer.seconds === undefined ? undefined : `${offer.seconds} s`].filter(Boolean);
    if (state === 'unsupported') io.say(`${offers[offer.state]}${more.length > 0 ? ` (${more.join(', ')})` : ''}`);
  },
};
