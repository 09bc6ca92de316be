import { z } from 'zod';
import { computeOverallHealth, HealthChecks, readHealthWithTimeout } from '../../api/views/health.ts';
import { jsonReply, negotiatedReply, okReply, type ReplyDoc } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes, RouteTable } from '../../http/routes/routes.ts';
import type { FacadeDeps, PageFiles } from '../shared/facade.ts';
import { describeRoute } from './about.ts';
import { type AssetSource, assetReply, htmlContentType, mountAssets, publicRouteConfig } from './assets.ts';
import { buildOpenApiDocument } from './openapi.ts';
import { acceptsHtml, createMainPageHeaders, sendPageFile } from './page.ts';

const HealthReply = z.object({ status: z.enum(['healthy', 'unhealthy']) });
const DetailedReply = HealthReply.extend({
  timestamp: z.iso.datetime(),
  version: z.string(),
  uptime_seconds: z.number(),
  checks: HealthChecks,
  draining: z.boolean(),
  sessions: z.object({ total: z.int(), running: z.int(), waiting: z.int() }),
});
type DetailedReply = z.output<typeof DetailedReply>;

const example = (status: 'healthy' | 'unhealthy'): DetailedReply => ({
  status,
  timestamp: '2025-01-01T00:00:00.000Z',
  version: '0.1.0',
  uptime_seconds: 12.5,
  checks: { storage: { status }, sandbox: { status, driver: 'docker' }, model: { status: 'healthy', name: 'demo' } },
  draining: false,
  sessions: { total: 3, running: 1, waiting: 0 },
});
const replies = {
  200: jsonReply('Healthy', HealthReply, { status: 'healthy' }),
  503: jsonReply('Unhealthy', HealthReply, { status: 'unhealthy' }),
};
const detailedReplies = {
  200: jsonReply('Healthy', DetailedReply, example('healthy')),
  503: jsonReply('Unhealthy', DetailedReply, example('unhealthy')),
};
const alive = jsonReply('Alive', z.object({ status: z.literal('alive'), draining: z.boolean() }), {
  status: 'alive',
  draining: false,
});

type HealthDeps = Pick<FacadeDeps, 'drain' | 'clock' | 'version'> & Pick<FacadeDeps['services'], 'sessions'>;

function mountHealth(app: App, { sessions, drain, clock, version }: HealthDeps): void {
  const startedAt = clock.now();
  const free = { open: true, free: true } as const;
  app.get(
    '/health',
    describeRoute('health', 'Whether the server works; answers within a second', {
      schema: { response: replies },
      config: free,
    }),
    async (_request, reply) => {
      const status = computeOverallHealth(await readHealthWithTimeout(sessions, clock));
      return reply.code(status === 'healthy' ? 200 : 503).send({ status });
    },
  );
  app.get(
    '/healthz',
    describeRoute('alive', 'Whether the process answers; for the supervisor that restarts it', {
      schema: { response: { 200: alive } },
      config: free,
    }),
    async () => ({ status: 'alive' as const, draining: drain.state().draining }),
  );
  // Checks only the storage: all servers share the sandbox backend, so no other server could take over if it failed.
  app.get(
    '/readyz',
    describeRoute('ready', 'Whether this server can take requests; for load balancers', {
      schema: { response: replies },
      config: free,
    }),
    async (_request, reply) => {
      const { status } = (await readHealthWithTimeout(sessions, clock)).storage;
      return status === 'unhealthy' ? reply.code(503).send({ status }) : { status: 'healthy' as const };
    },
  );
  app.get(
    '/health/detailed',
    describeRoute('healthDetailed', 'Get the health of each part', {
      schema: { response: detailedReplies },
      config: { free: true, least: 'operator' },
    }),
    async (_request, reply) => {
      const { storage, sandbox, model, sessions: count } = await readHealthWithTimeout(sessions, clock);
      const status = computeOverallHealth({ storage, sandbox });
      const now = clock.now();
      return reply.code(status === 'healthy' ? 200 : 503).send({
        status,
        timestamp: new Date(now).toISOString(),
        version,
        uptime_seconds: (now - startedAt) / 1000,
        checks: { storage, sandbox, model },
        draining: drain.state().draining,
        sessions: count,
      });
    },
  );
}

interface ServerDeps
  extends Pick<FacadeDeps, 'services' | 'drain' | 'metrics' | 'clock' | 'version' | 'table' | 'page'> {
  readonly frames: string;
}

const Root = z.object({ name: z.literal('corral'), version: z.string(), status: z.literal('running') });
const pageDoc: ReplyDoc = { description: '', content: { 'text/html': { schema: z.string() } } };
const measurements: ReplyDoc = {
  description: 'Success',
  content: {
    'text/plain': {
      schema: z.string(),
      example: '# TYPE corral_sessions gauge\ncorral_sessions{status="running"} 1\n',
    },
  },
};

export function createServerRoutes({
  table,
  version,
  metrics,
  services,
  drain,
  clock,
  page,
  frames,
}: ServerDeps): FacadeRoutes {
  const headers = createMainPageHeaders(frames);
  return {
    mount(app: App) {
      app.get(
        '/',
        describeRoute('root', 'Get the name and version of the server; browsers get the web client', {
          schema: {
            response: {
              200: negotiatedReply(okReply(Root, { name: 'corral', version: '0.1.0', status: 'running' }), pageDoc),
            },
          },
          config: { open: true, free: true },
        }),
        async (request, reply) =>
          acceptsHtml(request)
            ? sendPageFile(request, reply, { name: 'index.html', page, headers })
            : { name: 'corral' as const, version, status: 'running' as const },
      );
      mountHealth(app, { sessions: services.sessions, drain, clock, version });
      app.get(
        '/metrics',
        describeRoute('metrics', 'Measurements in Prometheus text format 0.0.4', {
          schema: { response: { 200: measurements } },
          config: { free: true, least: 'operator' },
          fails: [401],
        }),
        async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()),
      );
      mountApiDocs(app, { table, version, page });
    },
  };
}

/**
 * Swagger UI stops rendering after about 140 expanded operations, so all sections start collapsed. `accessible`
 * corrects its markup for screen readers.
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

function mountApiDocs(app: App, { table, version, page }: Docs): void {
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
