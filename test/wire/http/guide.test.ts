import { expect } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { paths } from '../../../src/facades/guide/pages.ts';
import { testServer } from '../../support/clients/http.ts';
import { httpTest as test } from '../../support/clients/server-tests.ts';

test('the guide opens without a token, with every page, and runs no script but its own and asks no other host', async () => {
  await using server = await testServer({ config: { token: new Secret('a-token-of-the-guide') } });
  for (const path of ['/guide', '/guide/guide.css', ...[...paths].map((one) => `/guide/${one}`)]) {
    const { status, headers, body } = await server.call('GET', path);
    expect(status, path).toBe(200);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self';/,
    );
    const scripts = String(body).match(/<script[^>]*>[^<]*/g) ?? [];
    for (const script of scripts) expect(script, path).toMatch(/^<script [^>]*src="\/guide\/guide[.]js"[^>]*>$/);
  }
});

test('a page that the guide does not have is 404, also outside of its folder', async ({ server }) => {
  for (const path of ['/guide/nothing', '/guide/..%2fpackage', '/guide/how-to/..%2f..%2f..%2fREADME'])
    expect((await server.call('GET', path)).status, path).toBe(404);
});
