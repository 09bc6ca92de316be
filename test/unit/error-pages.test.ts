import { readFileSync } from 'node:fs';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { trpcErrorStyle } from '../../src/api/procedure/errors.ts';
import { createServerError } from '../../src/client/errors.ts';
import { errorDocsPages, errorDocsPathOf } from '../../src/core/errors/error-pages.ts';
import { AppError, errorCodes } from '../../src/core/errors/errors.ts';
import { guidePagePaths } from '../../src/facades/guide/pages.ts';
import { toAnchor } from '../../src/facades/guide/render.ts';
import { toFailureOutcome } from '../../src/facades/streams/framed-reply.ts';
import { envelopeErrorStyle } from '../../src/http/errors/error-style.ts';
import { installErrorHandlers } from '../../src/http/errors/errors.ts';

test('every page that an error names is in the guide, with its place', () => {
  const missing = Object.values(errorDocsPages).filter((page) => {
    const [path = '', place] = page.split('#');
    if (!guidePagePaths.has(path)) return true;
    const headings = [...readFileSync(`docs/${path}.md`, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text);
    return place !== undefined && !headings.map((text) => toAnchor(text.replaceAll('`', ''))).includes(place);
  });
  expect(missing).toEqual([]);
});

test('an error of a model leads to the page about models, and an error without a page leads nowhere', () => {
  expect([errorDocsPathOf('model_quota'), errorDocsPathOf('internal')]).toEqual([
    '/guide/models#when-a-model-fails',
    undefined,
  ]);
  expect(Object.keys(errorDocsPages).filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
});

test('a refused call and the end of a stream name the page, and the client makes it an address of its server', () => {
  const error = new AppError('unauthorized', 'No.');
  expect(trpcErrorStyle.body(401, error)).toMatchObject({ error: { data: { docs: '/guide/auth#keys' } } });
  expect(trpcErrorStyle.body(500, new AppError('internal', 'No.'))).not.toHaveProperty('error.data.docs');
  const full = toFailureOutcome(new AppError('disk_full', 'No.'), { error: () => {} }, 'it failed');
  expect(full).toMatchObject({ error: { code: 'disk_full', docs: '/guide/security#the-disk' } });
  const details = { address: 'http://corral.test:3000', docs: '/guide/auth#keys' };
  expect(createServerError('unauthorized', 'No.', details).docs).toBe('http://corral.test:3000/guide/auth#keys');
  expect(createServerError('internal', 'No.', { address: '' }).docs).toBeUndefined();
});

test('a refused request of any API names the page in a header, and its body stays as it is', async () => {
  const app = fastify();
  const logger = { info() {}, warn() {}, error() {} };
  installErrorHandlers(app, {
    styles: new Map([['/enveloped', envelopeErrorStyle]]),
    table: { routes: [], methodsOf: () => [] },
    logger,
  });
  for (const code of errorCodes) {
    for (const base of ['/plain', '/enveloped']) {
      app.get(`${base}/${code}`, async () => {
        throw new AppError(code, 'No.');
      });
    }
  }
  for (const code of errorCodes) {
    const docs = errorDocsPathOf(code);
    for (const base of ['/plain', '/enveloped']) {
      const { headers, body } = await app.inject(`${base}/${code}`);
      expect(headers.link, `${base} ${code}`).toBe(docs && `<${docs}>; rel="help"`);
      expect(Object.keys(JSON.parse(body)), base).toEqual(base === '/plain' ? ['detail'] : ['code', 'msg', 'data']);
    }
  }
  expect((await app.inject('/nothing')).headers.link).toBeUndefined();
  await app.close();
});
