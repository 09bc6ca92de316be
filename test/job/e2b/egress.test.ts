// @module-tag all
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { read, wireClient } from '../../support/clients/e2b-wire.ts';
import { eachNeeds, has } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

// Local addresses stand in for the Internet: the operator allows them, and the sandbox reaches them only through the
// proxy.
const token = 'e2b_0123456789';
let server: ServerProcess | undefined;
const site = createServer((_req, res) => res.end('hello'));

describe('rules with addresses of a process sandbox', () => {
  const it = wireClient(() => ({ E2B_API_URL: server?.url ?? '', E2B_API_KEY: token }));
  let port = 0;
  const network = { denyOut: ['127.8.0.0/24', '::1'], allowOut: ['127.8.0.7'] };
  eachNeeds('bubblewrap');
  beforeAll(async () => {
    if (!(await has('bubblewrap'))) return;
    site.listen(0, '0.0.0.0');
    await new Promise((listening) => site.once('listening', listening));
    port = (site.address() as AddressInfo).port;
    const hosts = ['127.8.0.7', '127.8.0.8', '127.9.0.1', 'localhost'];
    server = await serverProcess({
      CORRAL_DRIVER: 'process',
      CORRAL_E2B_FACADE: 'on',
      CORRAL_TOKEN: token,
      CORRAL_EGRESS_POLICY: 'allow-list',
      CORRAL_EGRESS_ALLOW: hosts.map((host) => `${host}:${port}`).join(','),
      CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8,::1/128',
    });
    expect((await it.create({ network })).status).toBe(201);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    site.close();
  });

  /** The statuses of requests from inside the sandbox: the site's 200 or the proxy's 403. */
  const seen = async (...hosts: string[]) => {
    const asks = hosts.map((host) => `curl --noproxy '' -s -o /dev/null -w '%{http_code} ' http://${host}:${port}/`);
    return (await it.stream('process.Process/Start', it.shell(asks.join('; ')))).stdout.trim().split(' ');
  };
  const put = (rules: object) => it.api(`/sandboxes/${it.sid}/network`, { method: 'PUT', body: JSON.stringify(rules) });
  const shown = async () => (await read<{ network: object }>(it.api(`/sandboxes/${it.sid}`))).network;

  test('a denied range is closed, an allowed address in it stays open, and all else is as the policy has it', async () => {
    expect(await seen('127.8.0.8', '127.8.0.7', '127.9.0.1', 'localhost', '127.10.0.1')).toEqual([
      ...['403', '200', '200', '200', '403'],
    ]);
    expect(await seen('[::ffff:127.8.0.8]', '[::ffff:7f08:8]', '0177.8.0.8')).toEqual(['403', '403', '403']);
    expect(await shown()).toMatchObject(network);
  });
  test('new rules count at once, also for the addresses of a name; bad ones change nothing', async () => {
    expect((await put({ denyOut: ['127.0.0.0/24', '::1'] })).status).toBe(204);
    expect(await seen('127.8.0.8', 'localhost')).toEqual(['200', '403']);
    for (const rules of [
      { denyOut: ['localhost'] },
      { denyOut: ['127.8'] },
      { denyOut: ['0.0.0.0/0'], allowOut: ['10.0.0.0/8'] },
    ]) {
      expect((await put(rules)).status).toBe(400);
    }
    expect(await seen('127.8.0.8', 'localhost')).toEqual(['200', '403']);
    expect((await put({ denyOut: ['0.0.0.0/0'], allowOut: ['127.8.0.0/29'] })).status).toBe(204);
    expect(await seen('127.8.0.8', '127.8.0.7', '127.9.0.1', 'localhost')).toEqual(['403', '200', '403', '403']);
  });
  test('a pause and a fork keep the rules', async () => {
    await put(network);
    expect((await it.api(`/sandboxes/${it.sid}/pause`, { method: 'POST', body: '{"memory":false}' })).status).toBe(204);
    const again = await it.api(`/v2/sandboxes/${it.sid}/connect`, { method: 'POST', body: '{}' });
    expect([again.status, await seen('127.8.0.8', '127.8.0.7')]).toEqual([201, ['403', '200']]);
    const made = await it.api(`/sandboxes/${it.sid}/fork`, { method: 'POST', body: '{"timeout":600}' });
    const [fork] = (await made.json()) as [{ sandbox: Parameters<typeof it.become>[0] }];
    it.become(fork.sandbox);
    expect(await shown()).toMatchObject(network);
    expect([await seen('127.8.0.8', '127.8.0.7'), (await put({})).status]).toEqual([['403', '200'], 204]);
    expect(await seen('127.8.0.8', '127.8.0.7')).toEqual(['200', '200']);
  });
});
