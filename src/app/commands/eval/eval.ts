import { AppError } from '../../../core/errors/errors.ts';
import type { Command } from '../command.ts';
import { captureSession, captureUsage } from './capture.ts';
import { runShadow, shadowUsage } from './shadow.ts';

const usage = `capture ${captureUsage} | shadow ${shadowUsage}`;

export const evalCommand: Command = {
  usage,
  about:
    'capture turns a session of a running server into a task for npm run eval; shadow sends each recorded turn of the store  ' +
    'to another model, runs no tools, and reports the differences and the price',
  async run([what, ...args], at) {
    if (what === 'capture') return await captureSession(args, at);
    if (what === 'shadow') return await runShadow(args, at);
    throw new AppError(
      'invalid_request',
      `${what === undefined ? 'eval alone does nothing' : `There is no eval ${what}`}. eval needs ${usage}.`,
    );
  },
};
