import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import type { App } from '../../http/routes/routes.ts';
import type { PageFiles } from '../shared/facade.ts';
import { describeRoute } from './about.ts';
import { assetReply, contentTypes, mountAssets, publicRouteConfig } from './assets.ts';

// The Trusted Types policy `corral-parser` creates only the URL of the page's parser worker.

// Serves noVNC unchanged. The desktop page loads noVNC's modules only from these routes.
const root = new URL('../', pathToFileURL(createRequire(import.meta.url).resolve('@novnc/novnc')));
const folders = {
  novncCore: 'core',
  novncCrypto: 'core/crypto',
  novncDecoders: 'core/decoders',
  novncInput: 'core/input',
  novncUtil: 'core/util',
  novncPako: 'vendor/pako/lib/zlib',
  novncPakoUtil: 'vendor/pako/lib/utils',
};

function mountNovnc(app: App, headers: Readonly<Record<string, string>>): void {
  for (const [operationId, folder] of Object.entries(folders)) {
    const url = new URL(`${folder}/`, root);
    const names = readdirSync(url).filter((name) => name.endsWith('.js'));
    mountAssets(app, {
      path: `/static/novnc/${folder}`,
      operationId,
      summary: `The VNC client of the desktop's page (noVNC, MPL 2.0): ${folder}`,
      files: new Map(names.map((name) => [name, new URL(name, url)])),
      headers,
    });
  }
}

const policyWith = (framedBy: "'none'" | "'self'", frames: string) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "media-src 'self'",
    `frame-src 'self'${frames}`,
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${framedBy}`,
    "require-trusted-types-for 'script'",
    'trusted-types corral-parser',
  ].join('; ');
const policy = { 'content-security-policy': policyWith("'none'", '') };
const ofPage = { ...policy, 'cache-control': 'no-cache' };
const framed = { ...ofPage, 'content-security-policy': policyWith("'self'", '') };
export const createMainPageHeaders = (frames: string) => ({
  ...ofPage,
  'content-security-policy': policyWith("'none'", ` ${frames} blob:`),
});
const unchanging = { ...policy, 'cache-control': 'public, max-age=31536000, immutable' };
const hashed = /-[A-Z0-9]{8}[.][a-z]+$/;

/** Isolates the frame that renders an agent's diagrams. Mermaid needs inline styles. */
const ofDiagrams = {
  'cache-control': 'no-cache',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'unsafe-inline'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    'sandbox allow-scripts',
  ].join('; '),
};

const compress = promisify(gzip);
const smaller = new WeakMap<Uint8Array, Promise<Buffer>>();
const compressible = new Set(['.html', '.css', '.js', '.svg']);

export function mountPage(app: App, page: () => Promise<PageFiles>): void {
  app.get(
    '/static/:name',
    describeRoute('staticFile', 'The web client (`index.html`) and its files', {
      schema: { params: z.object({ name: z.string() }), response: { 200: { description: 'The file' } } },
      config: publicRouteConfig,
      fails: [404],
      asset: true,
    }),
    async (request, reply) => await sendPageFile(request, reply, { name: request.params.name, page }),
  );
  // Browsers request this path for pages that specify no icon, and for API responses.
  app.get(
    '/favicon.ico',
    describeRoute('favicon', 'The icon of the server', {
      schema: { response: { 200: assetReply('image/svg+xml') } },
      config: publicRouteConfig,
      asset: true,
    }),
    async (request, reply) => await sendPageFile(request, reply, { name: 'icon.svg', page }),
  );
  mountNovnc(app, ofPage);
  app.get(
    '/sessions/:sid/desktop',
    describeRoute('desktopPage', "The page that shows a session's desktop", {
      schema: {
        params: z.object({ sid: z.string().describe('the session') }),
        response: { 200: assetReply('text/html') },
      },
      config: publicRouteConfig,
    }),
    async (request, reply) => await sendPageFile(request, reply, { name: 'desktop.html', page, headers: framed }),
  );
}

interface PageRoute {
  readonly name: string;
  readonly page: () => Promise<PageFiles>;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function sendPageFile(
  request: Pick<FastifyRequest, 'headers'>,
  reply: FastifyReply,
  pageRoute: PageRoute,
) {
  const { name, page, headers = name === 'diagram.html' ? ofDiagrams : ofPage } = pageRoute;
  const bytes = (await page()).byName.get(name);
  if (!bytes) throw new AppError('not_found', 'There is no such file.');
  const ending = extname(name);
  reply.headers(hashed.test(name) ? unchanging : headers).type(contentTypes[ending] ?? 'application/octet-stream');
  if (!compressible.has(ending)) return await reply.send(bytes);
  reply.header('vary', 'Origin, Accept, Accept-Encoding');
  if (!/\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '')) return await reply.send(bytes);
  return await reply.header('content-encoding', 'gzip').send(await compressed(bytes));
}

function compressed(bytes: Uint8Array): Promise<Buffer> {
  const known = smaller.get(bytes);
  if (known) return known;
  const created = compress(bytes, { level: 9 });
  smaller.set(bytes, created);
  return created;
}

export const acceptsHtml = ({ headers: { accept } }: FastifyRequest): boolean =>
  accept?.toLowerCase().includes('text/html') ?? false;
