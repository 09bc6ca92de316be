import type { App, RouteTable } from '../../http/routes/routes.ts';
import type { PageFiles } from '../shared/facade.ts';
import { describeRoute } from './about.ts';
import { type AssetSource, assetReply, htmlContentType, mountAssets, publicRouteConfig } from './assets.ts';
import { buildOpenApiDocument } from './openapi.ts';

// Swagger UI and ReDoc are copied from their packages when the web page is built. They work offline and without inline scripts.

/**
 * Sections start collapsed, because Swagger UI stops rendering at about 140 open operations. Also fixes links in buttons,
 * landmarks and headings for screen readers.
 */
const swagger = `const accessible = ({ React: { createElement } }) => ({
  wrapComponents: {
    DeepLink: () => ({ text }) => createElement('span', { className: 'nostyle' }, text),
    InfoContainer: (Info) => (props) => createElement('section', { 'aria-label': 'About' }, createElement(Info, props)),
    operations: (Sections) => (props) =>
      [createElement('h2', { key: 'heading' }, 'Sections'), createElement(Sections, { key: 'sections', ...props })],
  },
});
SwaggerUIBundle({
  url: '/openapi.json' + location.search,
  dom_id: '#docs',
  docExpansion: 'none',
  deepLinking: true,
  validatorUrl: null,
  plugins: [accessible],
});
`;
/** Darkens Swagger UI's colors that have too little contrast. */
const darker = `<style>
.swagger-ui h2 { color: #3b4151; font-family: sans-serif }
.swagger-ui .info .title small { background: #59606d }
.swagger-ui .info .title small.version-stamp { background: #466400 }
.swagger-ui :is(.info a, .info .url, .link) { color: #1f62b5 }
.swagger-ui .btn.authorize { border-color: #18794e; color: #18794e }
.swagger-ui .btn.authorize svg { fill: #18794e }
.swagger-ui .opblock .opblock-summary-method { background: #37404f }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1a5fb4 }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #1c6e4a }
.swagger-ui .opblock.opblock-put .opblock-summary-method { background: #855000 }
.swagger-ui .opblock.opblock-patch .opblock-summary-method { background: #4b6113 }
.swagger-ui .opblock.opblock-delete .opblock-summary-method { background: #a51d2d }
</style>`;
const redoc = `Redoc.init('/openapi.json' + location.search, { hideHostname: true }, document.getElementById('docs'));\n`;
const copied = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png', 'redoc.standalone.js'];

const renderHtml = (styles: string, scripts: readonly string[]) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Corral API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<style>body { margin: 0 }</style>
${styles}
</head>
<body>
<div id="docs"></div>
${scripts.map((name) => `<script src="/docs/assets/${name}"></script>`).join('\n')}
</body>
</html>
`;
const stylesheet = `<link rel="stylesheet" href="/docs/assets/swagger-ui.css">\n${darker}`;
const swaggerPage = renderHtml(stylesheet, ['swagger-ui-bundle.js', 'start.js']);
const redocPage = renderHtml('', ['redoc.standalone.js', 'start-redoc.js']);
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface Docs {
  readonly table: RouteTable;
  readonly version: string;
  readonly page: () => Promise<PageFiles>;
}

export function mountApiDocs(app: App, { table, version, page }: Docs): void {
  const files = new Map<string, AssetSource>([
    ...copied.map((name): [string, AssetSource] => [name, async () => new URL(name, (await page()).apiDocs)]),
    ['start.js', swagger],
    ['start-redoc.js', redoc],
  ]);
  let document: object | undefined;

  app.get(
    '/openapi.json',
    describeRoute('openapi', 'This document', {
      schema: { response: { 200: assetReply('application/json') } },
      config: publicRouteConfig,
    }),
    async () => {
      document ??= buildOpenApiDocument(table.routes, version);
      return document;
    },
  );
  for (const [path, text] of [
    ['/docs', swaggerPage],
    ['/redoc', redocPage],
  ] as const) {
    const schema = { response: { 200: assetReply('text/html') } };
    const options = describeRoute(path.slice(1), 'The documentation page', { schema, config: publicRouteConfig });
    app.get(path, options, async (_request, reply) =>
      reply.type(htmlContentType).header('content-security-policy', policy).send(text),
    );
  }
  mountAssets(app, {
    path: '/docs/assets',
    operationId: 'docsAsset',
    summary: 'A file of the documentation pages',
    files,
    headers: { 'cache-control': 'public, max-age=3600' },
  });
}
