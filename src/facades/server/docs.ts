import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { App, RouteDoc, RouteTable } from '../shared/routes.ts';
import { failure } from './failure.ts';
import { openApiDocument } from './openapi.ts';

// Swagger UI from the installed package: works without the internet, and needs no inline script.
const require = createRequire(import.meta.url);
const folder = dirname(require.resolve('swagger-ui-dist/package.json'));
const types: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};
const start = `SwaggerUIBundle({ url: '/openapi.json' + location.search, dom_id: '#docs', deepLinking: true, validatorUrl: null });\n`;
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Corral API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const served = (operationId: string, summary: string, type: string): RouteDoc => ({
  operationId,
  tag: 'Server',
  summary,
  responses: { 200: { description: 'Success', content: { [type]: { schema: z.unknown() } } }, default: failure },
});
const assetDoc: RouteDoc = {
  ...served('docsAsset', 'A file of the documentation page', 'application/octet-stream'),
  responses: { 200: { description: 'The file' }, 404: { ...failure, description: 'No such file' }, default: failure },
};

export function mountDocs(app: App, table: RouteTable, version: string): void {
  let document: object | undefined; // made when first asked for: then everything is registered
  const config = { open: true, free: true } as const;

  app.get(
    '/openapi.json',
    { config: { ...config, doc: served('openapi', 'This document', 'application/json') } },
    async () => {
      document ??= openApiDocument(table.routes, version);
      return document;
    },
  );
  for (const path of ['/docs', '/redoc']) {
    const doc = served(path.slice(1), 'The documentation page', 'text/html');
    app.get(path, { config: { ...config, doc } }, async (_request, reply) =>
      reply.type('text/html; charset=utf-8').header('content-security-policy', policy).send(page),
    );
  }
  app.get(
    '/docs/assets/:name',
    { schema: { params: z.object({ name: z.string() }) }, config: { ...config, doc: assetDoc } },
    async ({ params: { name } }, reply) => {
      reply.header('cache-control', 'public, max-age=3600');
      if (name === 'start.js') return reply.type('text/javascript; charset=utf-8').send(start);
      const type = Object.hasOwn(types, name) ? types[name] : undefined;
      if (!type) throw new AppError('not_found', 'There is no such file.');
      return reply.type(type).send(await readFile(join(folder, name)));
    },
  );
}
