import { Ajv, type ValidateFunction } from 'ajv';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** One operation of a forge's published API. */
export interface ApiOperation {
  readonly method: string;
  /** `/repos/{owner}/pulls`: each part in braces is one segment. */
  readonly template: string;
  readonly query: Readonly<Record<string, JsonSchema>>;
  readonly body: JsonSchema | undefined;
  /** By status; undefined for an answer without a schema. */
  readonly answers: Readonly<Record<string, JsonSchema | undefined>>;
}
export interface ApiDescription {
  readonly operations: readonly ApiOperation[];
  readonly definitions: Readonly<Record<string, JsonSchema>>;
  /** Answers that the forge's own documentation shows, by name. */
  readonly examples: Readonly<Record<string, unknown>>;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** Finds what is wrong with a request or an answer. */
export class ApiSchema {
  readonly examples: ApiDescription['examples'];
  readonly #description: ApiDescription;
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, validateSchema: false });
  readonly #validators = new Map<JsonSchema, ValidateFunction>();

  constructor(description: ApiDescription) {
    this.#description = description;
    this.examples = description.examples;
  }

  requestProblems({ method, path, query, body }: ApiRequest): string[] {
    const operation = this.#operationOf(method, path);
    const called = `${method} ${path}`;
    if (!operation) return [`${called}: the API has no such operation`];
    const problems = [...query].flatMap(([name, value]) => {
      const schema = operation.query[name];
      if (!schema) return [`${called}: no parameter ${name}`];
      return this.#problems(schema, scalarOf(value), `${called} ?${name}`);
    });
    if (body === undefined) return problems;
    if (!operation.body) return [...problems, `${called}: takes no body`];
    return [...problems, ...this.#problems(operation.body, body, `${called} body`)];
  }

  answerProblems({ method, path }: Pick<ApiRequest, 'method' | 'path'>, status: number, answer: unknown): string[] {
    const operation = this.#operationOf(method, path);
    if (!operation) return [`${method} ${path}: the API has no such operation`];
    if (!(status in operation.answers)) return [`${method} ${path}: never answers ${status}`];
    const schema = operation.answers[status];
    return schema ? this.#problems(schema, answer, `answer of ${method} ${path}`) : [];
  }

  #operationOf(method: string, path: string): ApiOperation | undefined {
    const segments = path.split('/');
    const fitting = this.#description.operations.filter((operation) => {
      const parts = operation.template.split('/');
      const fits = (part: string, at: number) => (part.includes('{') ? segments[at] !== '' : part === segments[at]);
      return operation.method === method && parts.length === segments.length && parts.every(fits);
    });
    const variables = ({ template }: ApiOperation) => template.split('{').length;
    return fitting.sort((one, other) => variables(one) - variables(other))[0];
  }

  #problems(schema: JsonSchema, value: unknown, where: string): string[] {
    let validate = this.#validators.get(schema);
    if (!validate) {
      validate = this.#ajv.compile({ ...schema, $defs: this.#definitionsFor(schema) });
      this.#validators.set(schema, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).slice(0, 10).map((error) => {
      const name = (error.params as { additionalProperty?: string }).additionalProperty ?? '';
      return `${where}${error.instancePath}: ${error.message} ${name}`;
    });
  }

  /** Only those that the schema reaches, because a whole API takes long to compile. */
  #definitionsFor(schema: JsonSchema): Record<string, JsonSchema> {
    const found: Record<string, JsonSchema> = {};
    const open = [JSON.stringify(schema)];
    for (let text = open.pop(); text !== undefined; text = open.pop()) {
      for (const [, name = ''] of text.matchAll(/"#\/\$defs\/([^"]+)"/g)) {
        const definition = this.#description.definitions[name];
        if (!definition) throw new Error(`the schema has no ${name}`);
        if (name in found) continue;
        found[name] = definition;
        open.push(JSON.stringify(definition));
      }
    }
    return found;
  }
}

const scalarOf = (text: string): unknown =>
  /^\d+$/.test(text) ? Number(text) : text === 'true' || text === 'false' ? text === 'true' : text;
