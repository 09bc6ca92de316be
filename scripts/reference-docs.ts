// The pages of docs/reference and the reference of docs/cli.md, made from the code that they describe. `npm run check`
// writes those that are stale, and then fails once, so that nobody lands without them.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { z } from 'zod';
import { describedOperations, restRoute } from '../src/api/procedure/procedure.ts';
import { appRouter } from '../src/api/router.ts';
import { settings } from '../src/app/settings/schema.ts';
import type { CliCommand } from '../src/cli/command.ts';
import { clientCommandsOf } from '../src/cli/commands/list.ts';
import { completionCommand } from '../src/cli/completion.ts';
import { exitCodes } from '../src/cli/exit-codes.ts';
import { errorPages } from '../src/core/errors/error-pages.ts';
import { errorCodes, isRetryable } from '../src/core/errors/errors.ts';
import { eventTraits } from '../src/core/model/event-traits.ts';
import { type FactType, SessionFact } from '../src/core/model/events.ts';
import { managedAgentsEndpoints, unsupportedAreas } from '../src/facades/compat/managed-agents/routes.ts';
import { wireErrors } from '../src/http/errors/wire-errors.ts';
import { derivedCommands } from './derived-commands.ts';
import { derivedForms } from './derived-forms.ts';

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string) => `\`${text}\``;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

function settingsPage(): string {
  const rows = settings.map(({ key, variables, standard, about, accepts, fallback }) => {
    const names = [...standard, ...variables.slice(0, 1)].map(code).join(' or ');
    const isEmpty =
      fallback === undefined || (typeof fallback === 'object' && Object.keys(fallback ?? {}).length === 0);
    const usual = isEmpty ? 'unset' : code(Array.isArray(fallback) ? fallback.join(',') : String(fallback));
    return [names, code(key), accepts, usual, about];
  });
  return `# Settings

The environment wins over \`corral.yaml\`, which wins over the defaults. \`npm start -- help settings\` prints the same.

${table(['variable', 'key in corral.yaml', 'accepts', 'default', 'what it is'], rows)}
`;
}

function managedAgentsPage(): string {
  const there = managedAgentsEndpoints().map((endpoint) => {
    const [method = '', path = ''] = endpoint.split(' ');
    return [code(method), code(path.replaceAll(/:(\w+)/g, '{$1}'))];
  });
  const missing = unsupportedAreas.map(({ name, tier, paths }) => [
    name,
    paths.map(code).join(', '),
    tier === 'B' ? 'it may come' : "it belongs to Anthropic's hosted service",
  ]);
  return `# Routes of the Managed Agents API

[Programs on the Managed Agents API](../managed-agents.md) reach these below \`/anthropic\`, and at the root where
\`CORRAL_MANAGED_AGENTS_ROOT=on\` says so.

${table(['method', 'path'], there)}

## Areas that answer 501

Each answers \`not_supported\` and tells clients not to try again.

${table(['area', 'paths', 'why'], missing)}
`;
}

type Json = { [key: string]: Json } & { readonly enum?: readonly string[]; readonly anyOf?: readonly Json[] };
function kindOf(schema: Json): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  const choices = (schema.anyOf ?? schema.oneOf) as readonly Json[] | undefined;
  if (choices) return [...new Set(choices.map(kindOf))].join(' or ');
  if (String(schema.type) === 'array') return `list of ${kindOf(schema.items as Json)}`;
  return String(schema.type ?? 'any');
}

const fieldsOf = ({ properties = {}, required = [] as never }: Json) =>
  Object.entries(properties as Record<string, Json>).map(([name, schema]) => [
    code(name),
    kindOf(schema),
    (required as unknown as readonly string[]).includes(name) ? '' : 'optional',
  ]);

function eventsPage(): string {
  const sections = SessionFact.options.map((option) => {
    const json = z.toJSONSchema(option.shape.data, { unrepresentable: 'any', io: 'output' }) as unknown as Json;
    const [type] = [...option.shape.type.values] as [FactType];
    const forms = (json.oneOf as unknown as readonly Json[] | undefined) ?? [json];
    const tables = forms.map((form) => table(['field', 'type', ''], fieldsOf(form)));
    const { label, text } = eventTraits[type];
    const kept =
      text === 'droppable' ? ' Compaction can drop it.' : text === 'searched' ? ' A search finds its text.' : '';
    return `## ${type}\n\n${label}.${kept}\n\n${tables.join('\n\nor\n\n')}`;
  });
  return `# Events

The facts of a session, in the order in which they happened. Each has \`seq\` (1, 2, 3, …), \`sessionId\`, \`ts\` (epoch ms),
\`type\`, \`runId\` (null outside of runs) and the \`data\` of its type.

${sections.join('\n\n')}
`;
}

function errorsPage(): string {
  const rows = errorCodes.map((name) => {
    const { http, trpc, ws } = wireErrors[name];
    const [page, place] = errorPages[name]?.split('#') ?? [];
    const more = page && `[${page.split('/').at(-1)}](../${page}.md${place ? `#${place}` : ''})`;
    return [code(name), String(http), code(trpc), String(ws), isRetryable(name) ? 'can help' : '', more ?? ''];
  });
  return `# Errors

The codes of errors, in \`reason\` of tRPC, \`code\` of the clients and of ends of streams, and \`run.end\`. The clients add
\`unreachable\`: nothing answered, or the connection broke. Where the guide has a page, errors of tRPC and of streams name its
address in \`docs\`, the command prints it, and every refusal over HTTP, of any API, has it in a header:

    HTTP/1.1 401 Unauthorized
    Link: </guide/auth#keys>; rel="help"

The bodies of the imitated APIs stay as their clients expect them.

${table(['code', 'HTTP', 'tRPC', 'WebSocket', 'a retry', 'what to do'], rows)}
`;
}

/** Every operation that `src/api` describes: its names, and who may call it. */
export function operationsPage(operations = describedOperations(appRouter)): string {
  const rows = operations.map(({ name, meta: { rest, may, audit, summary } }) => {
    const { method, url } = restRoute(rest);
    const route = rest === undefined ? '' : code(`${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
    return [code(name), route, may, audit === undefined ? '' : code(audit), summary];
  });
  return `# Operations

The operations of Corral's own API, as procedures of tRPC and as routes of REST (\`/openapi.json\`), with the
[role or right](../auth.md#roles) that each needs.

${table(['procedure', 'route', 'who', 'audit log', 'what it does'], rows)}
`;
}

/** The comment as one line, without its example. */
const prose = (comment: string | undefined) =>
  (comment ?? '')
    .replace(/^\s*\*\s*@example[\s\S]*/m, '')
    .replaceAll(/^\s*\*\s?/gm, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** The exported classes and option types of a TypeScript file, with their comments and without their code. */
async function typescriptOf(file: string): Promise<string> {
  const text = await readFile(join('src/client', file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements
    .filter(
      (one) =>
        ts.canHaveModifiers(one) && ts.getModifiers(one)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
    )
    .flatMap((one) => {
      if (ts.isClassDeclaration(one)) return [sectionOf(one, 'method', one.members.flatMap(methodRow))];
      return ts.isInterfaceDeclaration(one) ? [sectionOf(one, 'field', one.members.flatMap(fieldRow))] : [];
    })
    .join('\n\n');
}

type Row = readonly [string, string];

const commentOf = (node: ts.Node): string => {
  const [found] = ts.getJSDocCommentsAndTags(node);
  return prose(found && ts.isJSDoc(found) ? ts.getTextOfJSDocComment(found.comment) : '');
};
const sectionOf = (node: ts.ClassDeclaration | ts.InterfaceDeclaration, of: string, rows: readonly Row[]): string =>
  [`### ${node.name?.text ?? ''}`, commentOf(node), table([of, 'what it is'], rows)]
    .filter((part) => part !== '')
    .join('\n\n');
const typeOf = (type: ts.TypeNode | undefined): string => (type?.getText() ?? '').replaceAll(/\s+/g, ' ');

function methodRow(member: ts.ClassElement): Row[] {
  if (!(ts.isMethodDeclaration(member) || ts.isGetAccessor(member)) || !ts.isIdentifier(member.name)) return [];
  const has = (kind: ts.SyntaxKind) => member.modifiers?.some((one) => one.kind === kind) === true;
  if (has(ts.SyntaxKind.PrivateKeyword)) return [];
  const start = `${has(ts.SyntaxKind.StaticKeyword) ? 'static ' : ''}${member.name.text}`;
  const value = ts.isGetAccessor(member) ? '' : `(${member.parameters.map(parameterText).join(', ')})`;
  return [[code(`${start}${value}: ${typeOf(member.type)}`), commentOf(member)]];
}

/** A parameter that the code takes apart is called `options`; one with a default can be left out. */
function parameterText({ name, type, initializer, questionToken }: ts.ParameterDeclaration): string {
  const called = ts.isIdentifier(name) ? name.text : 'options';
  const kind = type ? typeOf(type) : initializer && ts.isNumericLiteral(initializer) ? 'number' : 'string';
  return `${called}${initializer || questionToken ? '?' : ''}: ${kind}`;
}

function fieldRow(member: ts.TypeElement): Row[] {
  if (!ts.isPropertySignature(member) || !ts.isIdentifier(member.name)) return [];
  return [[code(`${member.name.text}${member.questionToken ? '?' : ''}: ${typeOf(member.type)}`), commentOf(member)]];
}

/** The public methods of the classes in the Python client. */
async function pythonOf(): Promise<string> {
  const text = await readFile('clients/python/src/corral/_sync.py', 'utf8');
  return text
    .split(/^(?=class )/m)
    .filter((part) => /^class (Corral|Box|Files|Run|Terminal|Memory)\b/.test(part))
    .reverse()
    .map((part) => {
      const [, name = '', about = ''] =
        /^class (\w+):\n {4}"""([\s\S]*?)"""/.exec(part) ?? /^class (\w+)/.exec(part) ?? [];
      const method = /^ {4}def ([a-z]\w*)\(([\s\S]*?)\) -> ([^\n]+):\n(?: {8}"""([\s\S]*?)""")?/gm;
      const rows = [...part.matchAll(method)].map(([, called = '', args = '', gives = '', comment]) => {
        const shown = args
          .replaceAll(/\s+/g, ' ')
          .trim()
          .replace(/^self(, )?/, '')
          .replace(/,$/, '');
        return [code(`${called}(${shown}) -> ${gives}`), prose(comment)];
      });
      return `### ${name}\n\n${prose(about)}\n\n${table(['method', 'what it does'], rows)}`;
    })
    .join('\n\n');
}

async function clientPage(): Promise<string> {
  const files = [
    'corral.ts',
    'exec.ts',
    'files.ts',
    'watch.ts',
    'port.ts',
    'run.ts',
    'terminal.ts',
    'memory.ts',
    'errors.ts',
  ];
  const typescript = await Promise.all(files.map(typescriptOf));
  return `# The clients

Both have the same shape. A failure is a \`CorralError\` with \`code\` ([errors](errors.md)), \`hint\`, \`address\` and
\`retryable\`. \`AsyncCorral\` of Python has the methods below for asyncio.

## TypeScript

${typescript.filter((one) => one !== '').join('\n\n')}

## Python

${await pythonOf()}
`;
}

/** Generates the reference in docs/cli.md from the descriptions of the commands. */
function cliReference(commands: readonly CliCommand[]): string {
  const rows = Object.values(exitCodes).map(({ code, about }) => `| ${code} | ${about} |`);
  return `${[...commands.map(commandSection), ['## Exit codes', '', '| code | meaning |', '| --- | --- |', ...rows].join('\n')].join('\n\n')}\n`;
}

function commandSection({ name, args, about, options, examples }: CliCommand): string {
  const usage = ['corral', name, ...(options.length > 0 ? ['[options]'] : []), ...args.map(([one]) => one)].join(' ');
  const items = [
    ...args.map(([one, text]) => [one, text]),
    ...options.map(([flags, text]) => repeated(flags, text)),
  ].map(([one, text]) => `- \`${one}\`: ${text}`);
  return [
    `### ${name}`,
    `\`${usage}\``,
    `${about.charAt(0).toUpperCase()}${about.slice(1)}.`,
    ...(items.length > 0 ? [items.join('\n')] : []),
    `\`\`\`bash\n${examples.join('\n')}\n\`\`\``,
  ].join('\n\n');
}

const repeated = (flags: string, text: string) =>
  flags.includes('...') ? [flags.replace('...', ''), `${text} (repeatable)`] : [flags, text];

const commandsFile = 'src/cli/derived.json';
const operations = describedOperations(appRouter);
const commands = derivedCommands(operations);
const commandsHeading = '\n## Reference\n\n';
/** The page of the command, whose introduction is written by hand. */
async function commandsPage(): Promise<string> {
  const [introduction] = (await readFile('docs/cli.md', 'utf8')).split(commandsHeading);
  return `${introduction}${commandsHeading}${cliReference([...clientCommandsOf(commands), completionCommand])}`;
}

/** Each page by its file. */
export const referencePages = async (): Promise<Readonly<Record<string, string>>> => ({
  'docs/reference/settings.md': settingsPage(),
  'docs/reference/events.md': eventsPage(),
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/operations.md': operationsPage(),
  'docs/reference/managed-agents.md': managedAgentsPage(),
  'docs/reference/client.md': await clientPage(),
  'docs/cli.md': await commandsPage(),
  [commandsFile]: `${JSON.stringify(commands, undefined, 1)}\n`,
  'src/web/forms.json': `${JSON.stringify(derivedForms(operations), undefined, 1)}\n`,
});

if (import.meta.main) {
  await mkdir('docs/reference', { recursive: true });
  for (const [file, text] of Object.entries(await referencePages())) {
    if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
    await writeFile(file, text);
    console.log(`${file} was stale and is written again: commit it too.`);
    process.exitCode = 1;
  }
}
