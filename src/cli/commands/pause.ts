import type { Outputs } from '../../client/types.ts';
import { type CliCommand, jsonOption, sessionArgument } from '../command.ts';
import { UsageError } from '../exit-codes.ts';
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
  about: "resumes a session's paused sandbox, or starts one that does not run",
  options: [jsonOption],
  examples: ['corral resume last'],
  async run({ args: [word = ''], options, io, corral }) {
    const status = await (await findBox(corral(), word)).resume();
    io.print(options.flag('json') ? JSON.stringify(status) : formatSandboxCondition(status));
  },
};
