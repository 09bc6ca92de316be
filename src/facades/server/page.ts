import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../shared/routes.ts';
import { html, mountAssets } from './assets.ts';

// The web client: plain files, sent as they are. It may load nothing from elsewhere, and nothing in it may make HTML of
// text: a browser that knows trusted types refuses it.

const folder = new URL('../../ui/', import.meta.url);
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
const headers = { 'content-security-policy': policy, 'cache-control': 'no-cache' };

export function mountPage(app: App): void {
  const names = readdirSync(folder).filter((name) => /^[a-z-]+\.(html|css|js|svg)$/.test(name));
  mountAssets(app, {
    path: '/static',
    operationId: 'staticFile',
    summary: 'The web client (`index.html`) and what belongs to it',
    files: new Map(names.map((name) => [name, new URL(name, folder)])),
    headers,
  });
}

export const wantsPage = ({ headers: { accept } }: FastifyRequest): boolean =>
  accept?.toLowerCase().includes('text/html') ?? false;

export const sendPage = async (reply: FastifyReply) =>
  reply
    .headers(headers)
    .header('vary', 'Origin, Accept')
    .type(html)
    .send(await readFile(new URL('index.html', folder)));
