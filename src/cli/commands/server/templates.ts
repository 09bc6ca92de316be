import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildLogEntry } from '../../../client/index.ts';
import { DockerBuildContext } from '../../context-archive.ts';
import { type CustomVerbs, parseKeyValuePairs, type VerbCall } from '../../derived.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { toOneLine } from '../../io.ts';

const maxLine = 2_000;

export const customTemplateVerbs: CustomVerbs = {
  options: [
    ['--tag <name>', 'with build: the name of the template, optionally with a tag (my-tools:v1)'],
    ['--also <tag...>', 'with build: further tags'],
    ['--file <file>', 'with build: the Dockerfile, if it has another name or place'],
    ['--arg <name=value...>', 'with build: values of its ARGs'],
    ['--fresh', 'with build: run every step again'],
    ['--from <tag>', 'with tag: the tag whose build gets the new one; default: default'],
  ],
  verbs: {
    async build({ words: [folder = '.'], server, options, io }) {
      const name = options.text('tag');
      if (name === undefined) throw new UsageError('Name the template: corral template build --tag my-tools');
      const file = options.text('file') ?? join(folder, 'Dockerfile');
      const dockerfile = await readFile(file, 'utf8').catch(() => {
        throw new UsageError(`There is no ${file}. Name the folder of the Dockerfile, or the file with --file.`);
      });
      const context = await DockerBuildContext.open(folder);
      const ended = await server.templates.build(name, {
        dockerfile,
        args: parseKeyValuePairs('--arg', options.texts('arg')),
        tags: options.texts('also'),
        fresh: options.flag('fresh'),
        files: (source) => context.files(source),
        onLog: (entry) => io.say(formatEntry(entry)),
        signal: io.signal,
      });
      if (options.flag('json')) io.print(JSON.stringify(ended));
      else if (ended.status === 'ready') io.print(`${ended.templateId}  ${name}  ${ended.id}`);
      return ended.status === 'ready' ? exitCodes.ok.code : exitCodes.failed.code;
    },
    async log(call) {
      const { server, options, io } = call;
      const onLog = (entry: BuildLogEntry) =>
        io.print(options.flag('json') ? JSON.stringify(entry) : formatEntry(entry));
      const ended = await server.templates.follow(await findBuild(call), { signal: io.signal, onLog });
      return ended.status === 'ready' ? exitCodes.ok.code : exitCodes.failed.code;
    },
    async cancel(call) {
      const of = await findBuild(call);
      call.show([await call.server.call((api) => api.templateBuilds.cancel.mutate(of))], 'builds');
    },
    async tag({ words: [word, tag], server, options, find, show }) {
      const id = await find(word);
      if (tag === undefined) throw new UsageError(`Name the tag: corral template tag ${word} <tag>`);
      const name = (await server.templates.list()).find((one) => one.id === id)?.name ?? word;
      const requested = { from: `${name}:${options.text('from') ?? 'default'}`, tags: [tag] };
      show([await server.call((api) => api.templateBuilds.tag.mutate(requested))], 'ls');
      return undefined;
    },
  },
};

/** Default: the newest build. */
async function findBuild({ words: [word, named], server, find }: VerbCall): Promise<{ id: string; build: string }> {
  const id = await find(word);
  const builds = await server.templates.builds(id);
  const found = named === undefined ? builds[0] : builds.find((one) => one.id === named);
  if (found) return { id, build: found.id };
  const what = named === undefined ? 'builds' : `build ${named}`;
  throw new UsageError(`${word} has no ${what}. See: corral template builds ${word}`);
}

const formatEntry = ({ level, text }: BuildLogEntry): string =>
  `${level === 'info' ? '' : `${level}: `}${toOneLine(text, maxLine)}`;
