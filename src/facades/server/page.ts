import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { App } from '../shared/routes.ts';
import { about } from './about.ts';
import { html, mountAssets, open, served } from './assets.ts';
import { mountNovnc } from './novnc.ts';

// The web client: static files, sent unchanged. Its policy forbids it to load from other sites and, in browsers with trusted
// types, to turn text into HTML.

const folder = new URL('../../ui/', import.meta.url);
const policyWith = (framedBy: "'none'" | "'self'") =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${framedBy}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
const headers = { 'content-security-policy': policyWith("'none'"), 'cache-control': 'no-cache' };
/** Allows the main page, but no other site, to show the desktop's page in a frame. */
const framed = { ...headers, 'content-security-policy': policyWith("'self'") };

export function mountPage(app: App): void {
  const names = readdirSync(folder).filter((name) => /^[a-z-]+\.(html|css|js|svg)$/.test(name));
  mountAssets(app, {
    path: '/static',
    operationId: 'staticFile',
    summary: 'The web client (`index.html`) and its files',
    files: new Map(names.map((name) => [name, new URL(name, folder)])),
    headers,
  });
  mountNovnc(app, headers);
  app.get(
    '/sessions/:sid/desktop',
    {
      schema: {
        params: z.object({ sid: z.string().describe('the session') }),
        response: { 200: served('text/html') },
      },
      config: { ...open, doc: about('desktopPage', "The page that shows a session's desktop") },
    },
    async (_request, reply) =>
      reply
        .headers(framed)
        .type(html)
        .send(await readFile(new URL('desktop.html', folder))),
  );
}

export const wantsPage = ({ headers: { accept } }: FastifyRequest): boolean =>
  accept?.toLowerCase().includes('text/html') ?? false;

export const sendPage = async (reply: FastifyReply) =>
  reply
    .headers(headers)
    .header('vary', 'Origin, Accept')
    .type(html)
    .send(await readFile(new URL('index.html', folder)));
