// The forges publish the shapes of their APIs in packages of the registries that tests use anyway. GitHub's own OpenAPI
// document is in the npm package @octokit/openapi. Gitea's Go module has the Swagger document that each server shows.
// GitLab's document is in no package; the routes and structs of GitLab's own Go client name the same paths and fields.
// They are no dev dependencies: unpacked, GitHub's package has 400 MB, of which one file is needed.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ApiDescription, type ApiOperation, ApiSchema, type JsonSchema } from './api-schema.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../../node_modules/.cache/forge-schemas');

const github = {
  package: '@octokit/openapi@23.0.2',
  file: 'package/generated/api.github.com.json',
  sha256: '829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a',
};
const modules = { gitea: 'code.gitea.io/gitea@v1.27.3', gitlab: 'gitlab.com/gitlab-org/api/client-go/v2@v2.64.0' };

export type PublishedSchema = () => Promise<ApiSchema>;

export const publishedSchemas = {
  github: async () => new ApiSchema(fromOpenApi(JSON.parse(readFileSync(await githubDocument(), 'utf8')))),
  gitea: async () => {
    const text = readFileSync(join(await moduleFolder(modules.gitea), 'templates/swagger/v1_json.tmpl'), 'utf8');
    return new ApiSchema(fromOpenApi(JSON.parse(text.replaceAll(/\{\{.*?\}\}/g, ''))));
  },
  gitlab: async () => new ApiSchema(fromGo(await moduleFolder(modules.gitlab))),
} satisfies Record<string, PublishedSchema>;

async function githubDocument(): Promise<string> {
  const kept = join(cache, `${github.sha256}.json`);
  if (existsSync(kept)) return kept;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'new-'));
  try {
    const { stdout } = await run('npm', ['pack', github.package, '--silent', '--pack-destination', folder]);
    const archive = join(folder, stdout.trim());
    await run('tar', ['-xzf', archive, '-C', folder, github.file]);
    const document = join(folder, github.file);
    const sum = createHash('sha256');
    for await (const chunk of createReadStream(document)) sum.update(chunk as Buffer);
    const found = sum.digest('hex');
    if (found !== github.sha256) throw new Error(`${github.file} of ${github.package} has the sum ${found}`);
    renameSync(document, kept);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return kept;
}

/** The sums of modules are checked by Go's own database of them. */
async function moduleFolder(module: string): Promise<string> {
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: import.meta.dirname });
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

interface Parameter {
  readonly $ref?: string;
  readonly in: string;
  readonly name: string;
  readonly schema?: JsonSchema;
  readonly type?: string;
  readonly enum?: unknown;
}
interface DescribedBody {
  readonly $ref?: string;
  readonly schema?: JsonSchema;
  readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>>;
}
interface OpenApi {
  readonly openapi?: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly components?: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
  };
}

/** OpenAPI 3.0, or Swagger 2.0. Fields without a declaration are refused where the document cannot say so itself. */
function fromOpenApi(document: OpenApi): ApiDescription {
  const lookUp = <Thing>(thing: Thing & { readonly $ref?: string }): Thing => {
    if (thing.$ref === undefined) return thing;
    const steps = thing.$ref.replace('#/', '').split('/');
    return steps.reduce((found, step) => (found as Record<string, unknown>)[step], document as unknown) as Thing;
  };
  const isSwagger = document.openapi === undefined;
  const closed = (schema: JsonSchema) => toJsonSchema(schema, true) as JsonSchema;
  const plain = (schema: JsonSchema) => toJsonSchema(schema, isSwagger) as JsonSchema;
  const schemaIn = (described: DescribedBody) =>
    described.schema ?? Object.entries(described.content ?? {}).find(([type]) => type.includes('json'))?.[1].schema;

  const operations = Object.entries(document.paths).flatMap(([template, methods]) =>
    ['get', 'post'].flatMap((method): ApiOperation[] => {
      const operation = methods[method] as
        | { parameters?: Parameter[]; requestBody?: DescribedBody; responses: Record<string, DescribedBody> }
        | undefined;
      if (!operation) return [];
      const parameters = (operation.parameters ?? []).map(lookUp);
      const query = parameters.filter((one) => one.in === 'query');
      const body =
        parameters.find((one) => one.in === 'body')?.schema ??
        (operation.requestBody && schemaIn(lookUp(operation.requestBody)));
      const answers = Object.entries(operation.responses).map(([status, answer]) => {
        const schema = schemaIn(lookUp(answer));
        return [status, schema && plain(schema)];
      });
      return [
        {
          method: method.toUpperCase(),
          template,
          query: Object.fromEntries(
            query.map(({ name, schema, type, enum: values }) => [
              name,
              plain(schema ?? { ...(type !== undefined && { type }), ...(values !== undefined && { enum: values }) }),
            ]),
          ),
          body: body && closed(body),
          answers: Object.fromEntries(answers),
        },
      ];
    }),
  );
  const definitions = Object.entries(document.definitions ?? document.components?.schemas ?? {});
  return {
    operations,
    definitions: Object.fromEntries(definitions.map(([name, schema]) => [name, plain(schema)])),
    examples: Object.fromEntries(
      Object.entries(document.components?.examples ?? {}).map(([name, { value }]) => [name, value]),
    ),
  };
}

/** JSON Schema has no `nullable`, and a Swagger document of Go types never declares what can be null. */
function toJsonSchema(node: unknown, isClosed: boolean): unknown {
  if (Array.isArray(node)) return node.map((one) => toJsonSchema(one, isClosed));
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, example: _, examples: __, ...rest } = node as Record<string, unknown>;
  const schema = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => {
      if (key === '$ref') return [key, String(value).replace(/^#\/(definitions|components\/schemas)\//, '#/$defs/')];
      if (key === 'enum' && Array.isArray(value) && nullable === true) return [key, [...value, null]];
      return [key, toJsonSchema(value, isClosed)];
    }),
  );
  if (isClosed && schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  if (nullable !== true) return schema;
  return typeof schema.type === 'string'
    ? { ...schema, type: [schema.type, 'null'] }
    : { anyOf: [schema, { type: 'null' }] };
}

const methodNames: Readonly<Record<string, string>> = { MethodGet: 'GET', MethodPost: 'POST' };

/** Reads the routes and the structs of GitLab's client. */
function fromGo(folder: string): ApiDescription {
  const files = readdirSync(folder).filter((name) => name.endsWith('.go') && !name.endsWith('_test.go'));
  const source = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const routes = new Map(
    [...source.matchAll(/^\s*(?:var )?(route\w+)\s*=\s*route\("([^"]+)"\)/gm)].map(([, name = '', path = '']) => [
      name,
      `/${path.replaceAll(/%[sd]/g, '{}')}`,
    ]),
  );
  const structs = new Map(
    [...source.matchAll(/^(?:type )?\t?(\w+) struct \{\n([\s\S]*?)^\t?\}/gm)].map(([, name = '', fields = '']) => [
      name,
      fields,
    ]),
  );
  const ofType = (type: string): JsonSchema => {
    const bare = type.replace(/^\*/, '');
    if (bare.startsWith('[]')) return { type: ['array', 'null'], items: ofType(bare.slice(2)) };
    if (/^u?int\d*$/.test(bare)) return { type: ['integer', 'null'] };
    if (bare === 'float64') return { type: ['number', 'null'] };
    if (bare === 'bool') return { type: ['boolean', 'null'] };
    if (bare === 'string' || bare === 'time.Time') return { type: ['string', 'null'] };
    return structs.has(bare) ? { anyOf: [{ $ref: `#/$defs/${bare}` }, { type: 'null' }] } : {};
  };
  const fieldsOf = (struct: string, tag: 'json' | 'url'): Record<string, JsonSchema> =>
    Object.assign(
      {},
      ...(structs.get(struct) ?? '').split('\n').map((line) => {
        const [, embedded] = /^\s+(\w+)$/.exec(line) ?? [];
        if (embedded) return fieldsOf(embedded, tag);
        const [, type = '', tags = ''] = /^\s*\w+\s+(\S+)\s+`(.*)`/.exec(line) ?? [];
        const [, name] = new RegExp(`${tag}:"([^",]+)`).exec(tags) ?? [];
        return name && name !== '-' ? { [name]: ofType(type) } : {};
      }),
    );
  const objectOf = (struct: string, tag: 'json' | 'url'): JsonSchema => ({
    type: 'object',
    properties: fieldsOf(struct, tag),
    additionalProperties: false,
  });

  const operations = [...source.matchAll(/^func \(s \*\w+Service\) \w+\((.*)\) \(.*\) \{\n([\s\S]*?)^\}/gm)].flatMap(
    ([, parameters = '', body = '']): ApiOperation[] => {
      const [, route = ''] = /withPath\((\w+)/.exec(body) ?? [];
      const [, answer] = /\bdo\[([^\]]*\]?\*?\w+)\]/.exec(body) ?? [];
      const template = routes.get(route);
      if (!template || !answer) return [];
      const [, verb = 'MethodGet'] = /withMethod\(http\.(\w+)\)/.exec(body) ?? [];
      const [, options = ''] = /\bopt \*(\w+)/.exec(parameters) ?? [];
      const method = methodNames[verb];
      if (!method) return [];
      const isGet = method === 'GET';
      return [
        {
          method,
          template,
          query: isGet ? fieldsOf(options, 'url') : {},
          body: isGet ? undefined : objectOf(options, 'json'),
          answers: { [isGet ? 200 : 201]: ofType(answer) },
        },
      ];
    },
  );
  return {
    operations,
    definitions: Object.fromEntries([...structs.keys()].map((name) => [name, objectOf(name, 'json')])),
    examples: {},
  };
}
