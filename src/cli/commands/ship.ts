import { writeFile } from 'node:fs/promises';
import type { Box } from '../../client/index.ts';
import {
  type CliCommand,
  type CliCommandInput,
  exitCodes,
  jsonOption,
  sessionArgument,
  UsageError,
} from '../command.ts';
import { findBox } from '../server.ts';

const repositoryOption = [
  '-r, --repository <folder>',
  'the folder of the repository; required if the session has several',
] as const;

async function findRepository({
  args: [word = ''],
  options,
  corral,
}: CliCommandInput): Promise<{ box: Box; of: { sessionId: string; path: string } }> {
  const box = await findBox(corral(), word);
  const folder = options.text('repository');
  const all = await box.api.repositories.list.query({ sessionId: box.id });
  const [only] = folder === undefined ? all : all.filter(({ path }) => path === folder);
  if (folder === undefined && all.length > 1)
    throw new UsageError(
      `The session has several repositories. Name one with --repository: ${all.map(({ path }) => path).join(', ')}.`,
    );
  if (!only)
    throw new UsageError(
      folder === undefined
        ? 'The session has no repository. `corral run --repo <url>` starts a session with one.'
        : `The session has no repository in ${folder}.`,
    );
  return { box, of: { sessionId: box.id, path: only.path } };
}

export const commitCommand: CliCommand = {
  name: 'commit',
  args: [sessionArgument, ['<message>', 'what the commit does']],
  about: 'commits the changed files of a session, and prints the commit',
  options: [repositoryOption, jsonOption],
  examples: ['corral commit last "Fix the totals"'],
  async run(input) {
    const { box, of } = await findRepository(input);
    const created = await box.api.repositories.commit.mutate({ ...of, message: input.args[1] ?? '' });
    input.io.print(input.options.flag('json') ? JSON.stringify(created) : created.commit);
  },
};

export const checkCommand: CliCommand = {
  name: 'check',
  args: [sessionArgument, ['[names...]', 'checks of its .corral/corral.yaml; default: all']],
  about: 'runs the checks that the repository of a session defines; fails if one of them fails',
  options: [repositoryOption, jsonOption],
  examples: ['corral check last', 'corral check last test'],
  async run(input) {
    const { box, of } = await findRepository(input);
    const names = input.args.slice(1);
    const requested = { ...of, ...(names.length > 0 && { names }) };
    const { checks } = await box.api.repositories.check.mutate(requested);
    if (input.options.flag('json')) input.io.print(JSON.stringify(checks));
    else
      for (const { name, status, output } of checks) {
        input.io.print(`${status.padEnd(9)} ${name}`);
        if (status !== 'passed') input.io.print(output);
      }
    return checks.every(({ status }) => status === 'passed') ? exitCodes.ok.code : exitCodes.failed.code;
  },
};

export const pushCommand: CliCommand = {
  name: 'push',
  args: [sessionArgument],
  about: 'pushes the commits of a session to its branch, and prints the branch',
  options: [
    ['-b, --branch <branch>', "the branch's name there; default: the session's own"],
    repositoryOption,
    jsonOption,
  ],
  examples: ['corral push last'],
  async run(input) {
    const { box, of } = await findRepository(input);
    const branch = input.options.text('branch');
    const pushed = await box.api.repositories.push.mutate({ ...of, ...(branch !== undefined && { branch }) });
    input.io.print(input.options.flag('json') ? JSON.stringify(pushed) : pushed.branch);
  },
};

export const patchCommand: CliCommand = {
  name: 'patch',
  args: [sessionArgument],
  about: 'prints the commits of a session as a patch for git am',
  options: [['-o, --output <file>', 'write it into this file'], repositoryOption],
  examples: ['corral patch last | git am'],
  async run(input) {
    const { box, of } = await findRepository(input);
    const { text } = await box.api.repositories.patch.query(of);
    const file = input.options.text('output');
    const { stdout } = input.io;
    if (file !== undefined) await writeFile(file, text);
    else if (stdout.isTTY) input.io.print(text.replace(/\n$/, ''));
    else stdout.write(text);
  },
};

export const pullRequestCommand: CliCommand = {
  name: 'pr',
  args: [sessionArgument],
  about: "shows the pull request of a session's branch; with --title opens one",
  options: [
    ['--title <title>', 'push the branch and open a pull request with this title'],
    ['--text <text>', 'its description'],
    ['--base <branch>', 'the target branch; default: the branch that the session started from'],
    ['--draft', 'open it as a draft'],
    ['--feedback', 'send the agent the comments, reviews and failed checks that it has not received yet'],
    repositoryOption,
    jsonOption,
  ],
  examples: ['corral pr last --title "Fix the totals"', 'corral pr last', 'corral pr last --feedback'],
  async run(input) {
    const { options, io } = input;
    const json = options.flag('json');
    const [title, text, base] = ['title', 'text', 'base'].map((name) => options.text(name));
    if (title === undefined && (text !== undefined || base !== undefined || options.flag('draft')))
      throw new UsageError('--text, --base and --draft apply only to a new pull request, which needs --title.');
    if (title !== undefined && options.flag('feedback'))
      throw new UsageError('--feedback applies only to an existing pull request: omit it, or omit --title.');
    const { box, of } = await findRepository(input);
    if (title !== undefined) {
      const requested = {
        ...of,
        title,
        draft: options.flag('draft'),
        ...(text !== undefined && { text }),
        ...(base !== undefined && { base }),
      };
      const opened = await box.api.pullRequests.open.mutate(requested);
      io.print(json ? JSON.stringify(opened) : opened.url);
      return;
    }
    if (options.flag('feedback')) {
      const sent = await box.api.pullRequests.sendFeedback.mutate(of);
      io.print(json ? JSON.stringify(sent) : sent.runId);
      return;
    }
    const state = await box.api.pullRequests.state.query(of);
    if (json) return io.print(JSON.stringify(state));
    const { pullRequest, comments, reviews, checks, unsent, forge, newUrl } = state;
    if (!pullRequest) {
      io.print(`There is no ${forge.noun} yet. Open one with --title${newUrl ? `, or at ${newUrl}` : ''}.`);
      return;
    }
    io.print(
      `#${pullRequest.number} ${printable(pullRequest.title)} (${pullRequest.state}${pullRequest.draft ? ', draft' : ''})`,
    );
    io.print(printable(pullRequest.url));
    for (const { name, status } of checks) io.print(`check    ${status.padEnd(9)} ${printable(name)}`);
    for (const { author, verdict } of reviews) io.print(`review   ${printable(author)}: ${verdict.replace('_', ' ')}`);
    for (const { author, text: message, place } of comments) {
      const where = place ? ` ${place.path}${place.line === null ? '' : `:${place.line}`}` : '';
      io.print(`comment  ${printable(`${author}${where}: ${message}`)}`);
    }
    if (unsent > 0) io.print(`${unsent} of these have not been sent to the agent (--feedback).`);
  },
};

/** Puts untrusted text on one line, without control characters. */
const printable = (text: string) => text.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, 300);
