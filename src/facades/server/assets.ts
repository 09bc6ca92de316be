import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import type { ReplyDoc } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { describeRoute } from './about.ts';

export const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

export const htmlContentType = contentTypes['.html'] as string;

/** Anyone may load these pages; their data requires a token. */
export const publicRouteConfig = { open: true, free: true } as const;

export const assetReply = (type: string): ReplyDoc => ({
  description: 'Success',
  content: { [type]: { schema: z.unknown() } },
});

export type AssetSource = string | URL | (() => Promise<URL>);

interface Assets {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly files: ReadonlyMap<string, AssetSource>;
  readonly headers: Readonly<Record<string, string>>;
}

export function mountAssets(app: App, { path, operationId, summary, files, headers }: Assets): void {
  app.get(
    `${path}/:name`,
    describeRoute(operationId, summary, {
      schema: { params: z.object({ name: z.string() }), response: { 200: { description: 'The file' } } },
      config: publicRouteConfig,
      fails: [404],
      asset: true,
    }),
    async ({ params: { name } }, reply) => {
      const file = files.get(name);
      if (!file) throw new AppError('not_found', 'There is no such file.');
      reply.headers(headers).type(contentTypes[extname(name)] ?? 'application/octet-stream');
      return reply.send(await readContent(file));
    },
  );
}

async function readContent(file: AssetSource): Promise<Buffer | string> {
  if (typeof file === 'string') return file;
  return await readFile(file instanceof URL ? file : await file());
}
