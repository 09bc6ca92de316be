import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { App, RouteDoc } from '../shared/routes.ts';
import { failure } from './failure.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

export const html = types['.html'] as string;

/** Everyone may load these pages; their data needs a token. */
export const open = { open: true, free: true } as const;

export const served = (operationId: string, summary: string, type: string): RouteDoc => ({
  operationId,
  tag: 'Server',
  summary,
  responses: { 200: { description: 'Success', content: { [type]: { schema: z.unknown() } } }, default: failure },
});

interface Assets {
  /** The path at which they are served. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** File or text by name. No other file can be read. */
  readonly files: ReadonlyMap<string, URL | { readonly text: string }>;
  readonly headers: Readonly<Record<string, string>>;
}

export function mountAssets(app: App, { path, operationId, summary, files, headers }: Assets): void {
  const doc: RouteDoc = {
    ...served(operationId, summary, 'application/octet-stream'),
    responses: {
      200: { description: 'The file' },
      404: { ...failure, description: 'No such file' },
      default: failure,
    },
  };
  app.get(
    `${path}/:name`,
    { schema: { params: z.object({ name: z.string() }) }, config: { ...open, doc } },
    async ({ params: { name } }, reply) => {
      const file = files.get(name);
      if (!file) throw new AppError('not_found', 'There is no such file.');
      reply.headers(headers).type(types[extname(name)] ?? 'application/octet-stream');
      return reply.send(file instanceof URL ? await readFile(file) : file.text);
    },
  );
}
