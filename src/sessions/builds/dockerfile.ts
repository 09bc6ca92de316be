import { AppError } from '../../core/errors/errors.ts';
import type { BuildStep } from '../../core/model/sandboxes/built-template.ts';
import { quoteForShell as quote } from '../../core/text/quote.ts';
import type { DockerfilePlan } from '../api/server/template-builds.ts';
import { createDockerfileError, type DockerfileInstruction, parseDockerfileInstructions } from './dockerfile-lines.ts';
import {
  escapeDollarSigns,
  expandDockerfileWord,
  parseDockerfileWords,
  toLiteralText,
  type UnexpandedText,
  type VariableScope,
} from './dockerfile-words.ts';
import { checkBuildPlan } from './plan.ts';

/** Limits the total length of ARGs, because each RUN gets all of them. */
const maxArgs = 16_384;
/** Limits the total length of variable values. Each use counts. */
const maxValues = 262_144;

type Pair = readonly [name: string, value: UnexpandedText];
const startsNothing = 'a sandbox does not start the program of its image. Start it in the session.';
/** None of these instructions changes the image's files. */
const unused: Readonly<Record<string, string>> = {
  CMD: startsNothing,
  ENTRYPOINT: startsNothing,
  EXPOSE: 'every port of a sandbox can be previewed.',
  HEALTHCHECK: 'the server watches the sandbox itself.',
  LABEL: 'templates have names and tags.',
  MAINTAINER: 'a template has an owner.',
  STOPSIGNAL: 'the server ends the sandbox itself.',
  VOLUME: 'the folder stays in the image.',
};
const refused: Readonly<Record<string, string>> = {
  ADD: 'templates do not support ADD. Use COPY for files, RUN curl for downloads, and RUN tar for archives.',
  ONBUILD: 'templates do not support ONBUILD. Write the steps where they should run.',
};

/** Throws: invalid_request, naming any line at fault. `args` contains the values of ARGs. */
export function parseDockerfile(text: string, args: Readonly<Record<string, string>> = {}): DockerfilePlan {
  const { instructions, escapeSign } = parseDockerfileInstructions(text);
  const values = new Map<string, UnexpandedText>();
  const named = new Set<string>();
  let global = new Map<string, UnexpandedText>();
  /** ARGs passed to RUN, until ENV sets a variable of the same name. */
  const forRun = new Map<string, string>();
  let shell: readonly string[] = [];
  let base: string | undefined;
  const steps: BuildStep[] = [];
  const notes: string[] = [];
  const budget = { left: maxValues };

  for (const one of instructions) {
    const { line, keyword, rest, json } = one;
    const scope: VariableScope = { line, escapeSign, budget, valueOf: (name) => values.get(name) };
    const words = () => parseDockerfileWords(rest, scope).map((word) => toLiteralText(word, line));
    if (keyword === 'ARG') {
      for (const [name, input] of parseArgs(rest, scope)) {
        named.add(name);
        const own = Object.hasOwn(args, name) ? escapeDollarSigns(args[name] as string) : input;
        const value = own ?? global.get(name);
        if (value === undefined) continue;
        values.set(name, value);
        if (base === undefined) continue;
        forRun.set(name, toLiteralText(value, line));
        const size = [...forRun].reduce((sum, [key, text]) => sum + key.length + text.length, 0);
        if (size > maxArgs)
          throw createDockerfileError(line, `its ARGs are longer than ${maxArgs} characters in total.`);
      }
      continue;
    }
    if (keyword === 'FROM') {
      if (base !== undefined) {
        throw createDockerfileError(
          line,
          'a template has a single build stage. Build the others as separate templates, or in one RUN.',
        );
      }
      base = parseFrom(one, words());
      global = new Map(values);
      values.clear();
      // Steps start as root in `/` regardless of the image, unlike in Docker.
      steps.push({ type: 'USER', user: 'root' }, { type: 'WORKDIR', path: '/' });
      continue;
    }
    if (base === undefined) throw createDockerfileError(line, `${keyword} must come after FROM.`);
    if (keyword in unused) notes.push(`Line ${line}: ${keyword} is not used: ${unused[keyword]}`);
    else if (keyword === 'SHELL') {
      if (!json?.length) throw createDockerfileError(line, 'SHELL has the form ["/bin/bash", "-c"].');
      shell = json;
    } else if (keyword === 'RUN') {
      const command = toShellCommand(one, shell);
      const vars = [...forRun].map(([name, value]): [string, string] => [name, value]);
      if (checkFlags(one, runFlags).has('mount'))
        notes.push(`Line ${line}: the cache of --mount lasts only for this RUN.`);
      steps.push({ type: 'RUN', command, ...(vars.length > 0 && { vars }) });
    } else if (keyword === 'COPY') steps.push(...toCopySteps(one, json ?? words()));
    else if (keyword === 'ENV') {
      const pairs = parseEnv(rest, scope);
      for (const [name, value] of pairs) {
        values.set(name, value);
        forRun.delete(name);
      }
      steps.push({ type: 'ENV', pairs: pairs.map(([name, value]) => [name, value]), isOpen: true });
    } else if (keyword === 'WORKDIR') {
      // WORKDIR treats a path with spaces as one word.
      steps.push({ type: 'WORKDIR', path: needed(toLiteralText(expandDockerfileWord(rest, scope), line), one) });
    } else if (keyword === 'USER') steps.push({ type: 'USER', user: needed(words().join(' '), one) });
    else throw createDockerfileError(line, refused[keyword] ?? `templates do not support ${keyword}.`);
  }
  if (base === undefined) throw new AppError('invalid_request', 'The Dockerfile has no FROM.');
  const strange = Object.keys(args).filter((name) => !named.has(name));
  if (strange.length > 0) {
    throw new AppError('invalid_request', `The Dockerfile has no ARG ${strange.join(', ')}.`);
  }
  checkBuildPlan(steps);
  return { base, steps, notes };
}

const runFlags = {
  mount: (value: string) =>
    /^type=cache(,|$)/.test(value)
      ? undefined
      : 'only --mount=type=cache is allowed: a build can only use its own files.',
};
const copyFlags = {
  chown: () => undefined,
  chmod: () => undefined,
  link: () => undefined, // only affects how layers are stored
  from: () => 'COPY can only copy files of the build. Use RUN for files of the image.',
};

/** Throws invalid_request if a flag is unsupported. */
function checkFlags(
  { line, keyword, flags }: DockerfileInstruction,
  known: Readonly<Record<string, (value: string) => string | undefined>>,
): ReadonlyMap<string, string> {
  for (const { name, value } of flags) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    const why = check ? check(value) : `templates do not support ${keyword} --${name}.`;
    if (why !== undefined) throw createDockerfileError(line, why);
  }
  return new Map(flags.map(({ name, value }) => [name, value]));
}

function parseFrom(one: DockerfileInstruction, words: readonly string[]): string {
  checkFlags(one, {});
  const [image, as] = words;
  if (image === undefined) throw createDockerfileError(one.line, 'FROM has no image.');
  if (words.length === 1 || (words.length === 3 && as?.toUpperCase() === 'AS')) return image;
  throw createDockerfileError(one.line, 'FROM has the form FROM <image>, or FROM <image> AS <name>.');
}

function* parseArgs(
  rest: string,
  scope: VariableScope,
): Generator<readonly [name: string, value: UnexpandedText | undefined]> {
  for (const word of parseDockerfileWords(rest, scope)) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw createDockerfileError(scope.line, `${name} is not a valid ARG name.`);
    yield [name, at < 0 ? undefined : word.slice(at + 1)];
  }
}

function parseEnv(rest: string, scope: VariableScope): readonly Pair[] {
  const [first = ''] = /^\S*/.exec(rest) ?? [];
  if (first !== '' && !first.includes('='))
    return [[first, expandDockerfileWord(rest.slice(first.length).trim(), scope)]];
  const pairs = parseDockerfileWords(rest, scope).map((word): Pair => {
    const at = word.indexOf('=');
    if (at <= 0) throw createDockerfileError(scope.line, `ENV has the form NAME=value, not ${word.slice(0, 100)}.`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
  if (pairs.length === 0) throw createDockerfileError(scope.line, 'ENV sets nothing.');
  return pairs;
}

function toShellCommand(one: DockerfileInstruction, shell: readonly string[]): string {
  const { line, rest, json, heredocs } = one;
  if (json?.length) return json.map(quote).join(' ');
  const [first] = heredocs;
  let command = rest;
  if (first && /^\d*<<-?["']?\w+["']?\s*$/.test(rest)) {
    const body = first.isIndented ? first.lines.map((text) => text.replace(/^\t+/, '')) : first.lines;
    if (body[0]?.startsWith('#!'))
      throw createDockerfileError(line, 'RUN does not support #! lines. Write the program first: RUN python3 <<END.');
    command = body.join('\n');
  } else if (first) {
    const texts = heredocs.flatMap(({ name, lines }) => [...lines, name]);
    command = [rest, ...texts].join('\n');
  }
  if (command.trim() === '') throw createDockerfileError(line, 'RUN has no command.');
  return shell.length === 0 ? command : [...shell, command].map(quote).join(' ');
}

function toCopySteps(one: DockerfileInstruction, words: readonly string[]): BuildStep[] {
  const { line, heredocs } = one;
  const flags = checkFlags(one, copyFlags);
  if (heredocs.length > 0) throw createDockerfileError(line, 'COPY copies files. For text, use RUN cat <<END > file.');
  const to = words.at(-1);
  const sources = words.slice(0, -1);
  if (to === undefined || sources.length === 0)
    throw createDockerfileError(line, 'COPY has the form COPY <file> <target>.');
  if (sources.length > 1 && !/\/\.?$/.test(to))
    throw createDockerfileError(line, `COPY of several files requires a folder as the target: ${to}/`);
  const mode = flags.get('chmod');
  return sources.map((source) => ({
    type: 'COPY' as const,
    from: source.replace(/^\/+/, '') || '.', // the build context is the root
    to,
    files: '',
    user: flags.get('chown') ?? 'root',
    ...(mode !== undefined && { mode }),
  }));
}

function needed(text: string, { line, keyword }: DockerfileInstruction): string {
  if (text.trim() === '') throw createDockerfileError(line, `${keyword} has no value.`);
  return text;
}
