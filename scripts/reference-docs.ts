// Generates docs/reference and the reference in docs/cli.md from the code that they describe. `npm run check` updates
// stale pages and then fails once, so that the update is committed.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { z } from 'zod';
import { listOperations, parseRestRoute } from '../src/api/procedure/procedure.ts';
import { appRouter } from '../src/api/router.ts';
import { settings } from '../src/app/settings/schema.ts';
import { type CliCommand, exitCodes, jsonOption, sessionArgument } from '../src/cli/command.ts';
import { createClientCommands } from '../src/cli/commands/list.ts';
import { completionCommand } from '../src/cli/completion.ts';
import { errorDocsPages } from '../src/core/errors/error-pages.ts';
import { errorCodes, isRetryable } from '../src/core/errors/errors.ts';
import { eventTraits } from '../src/core/model/event-traits.ts';
import { type FactType, SessionFact } from '../src/core/model/events.ts';
import { listManagedAgentsEndpoints, unsupportedAreas } from '../src/facades/compat/managed-agents/routes.ts';
import { wireErrors } from '../src/http/errors/wire-errors.ts';
import { deriveCommands } from './derived-commands.ts';
import { deriveForms } from './derived-forms.ts';

const code = (text: string) => `\`${text}\``;

const shortForm = (accepts: string) =>
  accepts
    .replace(' (comma-separated, or a JSON array)', ', as a list')
    .replace('bytes, or a size such as 512MiB or 2GiB', 'size')
    .replace(/^a whole number from (\S+) to (\S+)/, '$1 to $2')
    .replace(/^a whole number, (\d+) or more/, 'from $1')
    .replace(/^a number from (\S+) to (\S+)/, 'number from $1 to $2')
    .replace(/^true or false$/, '')
    .replace(/^(one of|an address that begins with|visible ASCII characters) ?/, '')
    .replace(/^an? /, '');

function settingsPage(): string {
  const sections = Map.groupBy(settings, ({ key }) => (key.includes('.') ? key.split('.')[0] : 'server'));
  const text = [...sections].map(([name, items]) => {
    const rows = items.map(({ key, variables, standard, about, accepts, fallback }) => {
      const names = [...standard, ...variables.slice(0, 1)].map(code).join(' or ');
      const isEmpty =
        fallback === undefined || (typeof fallback === 'object' && Object.keys(fallback ?? {}).length === 0);
      const usual = isEmpty ? '' : code(Array.isArray(fallback) ? fallback.join(',') : String(fallback));
      const form = [shortForm(accepts), usual && `default ${usual}`].filter((part) => part !== '').join('; ');
      return `- ${names}, ${code(key)}: ${about}${form && `. (${form})`}`;
    });
    return `## ${name}\n\n${rows.join('\n')}`;
  });
  return `# Settings

The environment wins over \`corral.yaml\`, which wins over the defaults. Each line has the variable, the key in
\`corral.yaml\`, what the setting does, what it accepts and its default. A size is a number of bytes, or one such as
\`512MiB\`; a list in a variable has commas, or is a JSON array. \`./corral help settings\` prints the same.

${text.join('\n\n')}
`;
}

function managedAgentsPage(): string {
  const there = listManagedAgentsEndpoints().map((endpoint) => `    ${endpoint.replaceAll(/:(\w+)/g, '{$1}')}`);
  const missing = unsupportedAreas.map(({ name, tier, paths }) => {
    const why = tier === 'B' ? '' : " (part of Anthropic's hosted service)";
    return `- ${name}: ${paths.map(code).join(', ')}${why}`;
  });
  return `# Routes of the Managed Agents API

The base path is \`/anthropic\`, and also \`/\` with \`CORRAL_MANAGED_AGENTS_ROOT=on\`; see
[managed-agents.md](../managed-agents.md).

${there.join('\n')}

## Areas that answer 501

The error is \`not_supported\`, which clients do not retry.

${missing.join('\n')}
`;
}

type Json = { [key: string]: Json } & { readonly enum?: readonly string[]; readonly anyOf?: readonly Json[] };
function kindOf(schema: Json): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum?.length === errorCodes.length) return 'an [error code](errors.md)';
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  const choices = (schema.anyOf ?? schema.oneOf) as readonly Json[] | undefined;
  if (choices) return [...new Set(choices.map(kindOf))].join(' or ');
  if (String(schema.type) === 'array') return `list of ${kindOf(schema.items as Json)}`;
  return String(schema.type ?? 'any');
}

const fieldsOf = ({ properties = {}, required = [] as never }: Json) =>
  Object.entries(properties as Record<string, Json>)
    .map(([name, schema]) => {
      const isRequired = (required as unknown as readonly string[]).includes(name);
      return `- ${code(isRequired ? name : `${name}?`)}: ${kindOf(schema)}`;
    })
    .join('\n');

function eventsPage(): string {
  const sections = SessionFact.options.map((option) => {
    const json = z.toJSONSchema(option.shape.data, { unrepresentable: 'any', io: 'output' }) as unknown as Json;
    const [type] = [...option.shape.type.values] as [FactType];
    const forms = (json.oneOf as unknown as readonly Json[] | undefined) ?? [json];
    const { label, text } = eventTraits[type];
    const kept =
      text === 'droppable' ? ' Compaction can drop it.' : text === 'searched' ? ' A search finds its text.' : '';
    return `## ${type}\n\n${label}.${kept}\n\n${forms.map(fieldsOf).join('\n\nor\n\n')}`;
  });
  return `# Events

The facts of a session, in the order in which they happened. Each has \`seq\` (1, 2, 3, …), \`sessionId\`, \`ts\` (epoch ms),
\`type\`, \`runId\` (null outside of runs) and the \`data\` of its type. \`?\` marks an optional field.

${sections.join('\n\n')}
`;
}

function errorsPage(): string {
  const rows = errorCodes.map((name) => {
    const { http, trpc, ws } = wireErrors[name];
    const [page, place] = errorDocsPages[name]?.split('#') ?? [];
    const more = page && `[${page.split('/').at(-1)}](../${page}.md${place ? `#${place}` : ''})`;
    const parts = [String(http), code(trpc), String(ws), isRetryable(name) && 'a retry can help', more];
    return `- ${code(name)}: ${parts.filter((part) => part).join(', ')}`;
  });
  return `# Errors

The codes of errors, in \`reason\` of tRPC, \`code\` of the clients and of ends of streams, and \`run.end\`. The clients add
\`unreachable\`: nothing answered, or the connection broke. Each line has the HTTP status, the tRPC code, the close code of
WebSockets, and the page with advice. Errors of tRPC and of streams name that page in \`docs\`, the command prints it, and every
refusal over HTTP, of any API, has it in a header:

    HTTP/1.1 401 Unauthorized
    Link: </guide/auth#keys>; rel="help"

${rows.join('\n')}
`;
}

export function renderOperationsPage(operations = listOperations(appRouter)): string {
  const rows = operations.map(({ name, meta: { rest, may, audit, summary } }) => {
    const { method, url } = parseRestRoute(rest);
    const route = rest === undefined ? '' : `, ${code(`${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)}`;
    return `- ${code(name)}${route} (${may}${audit === undefined ? '' : `, audited as ${code(audit)}`}): ${summary}`;
  });
  return `# Operations

The operations of Corral's own API: the tRPC procedure, the REST route (\`/openapi.json\`) if it has one, the
[role or right](../auth.md#roles) that it needs, and its entry in the [audit log](../audit.md).

${rows.join('\n')}
`;
}

const prose = (comment: string | undefined) =>
  (comment ?? '')
    .replace(/^\s*\*\s*@example[\s\S]*/m, '')
    .replaceAll(/^\s*\*\s?/gm, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();

async function typescriptOf(file: string): Promise<string> {
  const text = await readFile(join('src/client', file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements
    .filter(
      (one) =>
        ts.canHaveModifiers(one) && ts.getModifiers(one)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
    )
    .flatMap((one) => {
      if (ts.isClassDeclaration(one)) return [sectionOf(one, one.members.flatMap(methodRow))];
      return ts.isInterfaceDeclaration(one) ? [sectionOf(one, one.members.flatMap(fieldRow))] : [];
    })
    .join('\n\n');
}

type Row = readonly [string, string];
const listed = (rows: readonly Row[]) =>
  rows.map(([item, about]) => `- ${item}${about === '' ? '' : `: ${about}`}`).join('\n');

const commentOf = (node: ts.Node): string => {
  const [found] = ts.getJSDocCommentsAndTags(node);
  return prose(found && ts.isJSDoc(found) ? ts.getTextOfJSDocComment(found.comment) : '');
};
const sectionOf = (node: ts.ClassDeclaration | ts.InterfaceDeclaration, rows: readonly Row[]): string =>
  [`### ${node.name?.text ?? ''}`, commentOf(node), listed(rows)].filter((part) => part !== '').join('\n\n');
const typeOf = (type: ts.TypeNode | undefined): string => (type?.getText() ?? '').replaceAll(/\s+/g, ' ');

function methodRow(member: ts.ClassElement): Row[] {
  if (!(ts.isMethodDeclaration(member) || ts.isGetAccessor(member)) || !ts.isIdentifier(member.name)) return [];
  const has = (kind: ts.SyntaxKind) => member.modifiers?.some((one) => one.kind === kind) === true;
  if (has(ts.SyntaxKind.PrivateKeyword)) return [];
  const start = `${has(ts.SyntaxKind.StaticKeyword) ? 'static ' : ''}${member.name.text}`;
  const value = ts.isGetAccessor(member) ? '' : `(${member.parameters.map(parameterText).join(', ')})`;
  return [[code(`${start}${value}: ${typeOf(member.type)}`), commentOf(member)]];
}

function parameterText({ name, type, initializer, questionToken }: ts.ParameterDeclaration): string {
  const called = ts.isIdentifier(name) ? name.text : 'options';
  const kind = type ? typeOf(type) : initializer && ts.isNumericLiteral(initializer) ? 'number' : 'string';
  return `${called}${initializer || questionToken ? '?' : ''}: ${kind}`;
}

function fieldRow(member: ts.TypeElement): Row[] {
  if (!ts.isPropertySignature(member) || !ts.isIdentifier(member.name)) return [];
  return [[code(`${member.name.text}${member.questionToken ? '?' : ''}: ${typeOf(member.type)}`), commentOf(member)]];
}

async function pythonOf(): Promise<string> {
  const text = await readFile('clients/python/src/corral/_async.py', 'utf8');
  return text
    .replaceAll(/\b(await|async(?= def)) /g, '')
    .replaceAll(/\bAsyncGenerator\[(.+), None\](?=:)/g, 'Generator[$1, None, None]')
    .replaceAll(/\bAsync(?=[A-Z])/g, '')
    .split(/^(?=class )/m)
    .filter((part) => /^class (Corral|Box|Files|Run|Terminal|Memory)\b/.test(part))
    .reverse()
    .map((part) => {
      const [, name = '', about = ''] =
        /^class (\w+):\n {4}"""([\s\S]*?)"""/.exec(part) ?? /^class (\w+)/.exec(part) ?? [];
      const method = /^ {4}def ([a-z]\w*)\(([\s\S]*?)\) -> ([^\n]+):\n(?: {8}"""([\s\S]*?)""")?/gm;
      const rows = [...part.matchAll(method)].map(([, called = '', args = '', gives = '', comment]): Row => {
        const shown = args
          .replaceAll(/\s+/g, ' ')
          .trim()
          .replace(/^self(, )?/, '')
          .replace(/,$/, '')
          .replaceAll(
            /(\w+): ((?:[^=,[\]]|\[(?:[^[\]]|\[[^\]]*\])*\])+?)(?: \| None)? = (?:None|False|\(\))/g,
            '$1?: $2',
          );
        return [code(`${called}(${shown}) -> ${gives}`), prose(comment)];
      });
      return `### ${name}\n\n${prose(about)}\n\n${listed(rows)}`;
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

Both have the same shape. \`?\` marks what can be left out. A failure is a \`CorralError\` with \`code\`
([errors](errors.md)), \`hint\`, \`address\` and \`retryable\`. Python's \`AsyncCorral\` has the methods below for asyncio.

## TypeScript

${typescript.filter((one) => one !== '').join('\n\n')}

## Python

${await pythonOf()}
`;
}

function cliReference(commands: readonly CliCommand[]): string {
  const rows = Object.values(exitCodes).map(({ code, about }) => `- ${code}: ${about}`);
  return `${[...commands.map(commandSection), ['## Exit codes', '', ...rows].join('\n')].join('\n\n')}\n`;
}

function commandSection({ name, args, about, options, examples }: CliCommand): string {
  const usage = ['corral', name, ...(options.length > 0 ? ['[options]'] : []), ...args.map(([one]) => one)].join(' ');
  const items = [...args.map(([one, text]) => [one, text]), ...options.map(([flags, text]) => repeated(flags, text))]
    .filter(([, text]) => text !== sessionArgument[1] && text !== jsonOption[1])
    .map(([one, text]) => `- \`${one}\`: ${text}`);
  return [
    `### ${name}`,
    `\`${usage}\`${options.some(([flags]) => flags === jsonOption[0]) ? ' (`--json`)' : ''}`,
    `${about.charAt(0).toUpperCase()}${about.slice(1)}.`,
    ...(items.length > 0 ? [items.join('\n')] : []),
    `\`\`\`bash\n${examples.join('\n')}\n\`\`\``,
  ].join('\n\n');
}

const repeated = (flags: string, text: string) =>
  flags.includes('...') ? [flags.replace('...', ''), `${text} (repeatable)`] : [flags, text];

const commandsFile = 'src/cli/derived.json';
const operations = listOperations(appRouter);
const commands = deriveCommands(operations);
const commandsHeading = '\n## Reference\n\n';
async function commandsPage(): Promise<string> {
  const [introduction] = (await readFile('docs/cli.md', 'utf8')).split(commandsHeading);
  return `${introduction}${commandsHeading}${cliReference([...createClientCommands(commands), completionCommand])}`;
}

export const renderReferencePages = async (): Promise<Readonly<Record<string, string>>> => ({
  'docs/reference/settings.md': settingsPage(),
  'docs/reference/events.md': eventsPage(),
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/operations.md': renderOperationsPage(),
  'docs/reference/managed-agents.md': managedAgentsPage(),
  'docs/reference/client.md': await clientPage(),
  'docs/cli.md': await commandsPage(),
  [commandsFile]: `${JSON.stringify(commands, undefined, 1)}\n`,
  'src/web/forms.json': `${JSON.stringify(deriveForms(operations), undefined, 1)}\n`,
});

if (import.meta.main) {
  await mkdir('docs/reference', { recursive: true });
  for (const [file, text] of Object.entries(await renderReferencePages())) {
    if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
    await writeFile(file, text);
    console.log(`${file} was stale and is written again: commit it too.`);
    process.exitCode = 1;
  }
}
