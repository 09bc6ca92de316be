// @module-tag all
import { expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { streamOf } from '../../support/clients/opencodex.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

test('health and metrics of a real server describe its sessions without naming any', async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const get = (path: string) => fetch(`${server.url}${path}`);
  const post = async (path: string, body: object) => {
    const response = await fetch(`${server.url}/api/v1${path}`, { method: 'POST', body: JSON.stringify(body) });
    return (await response.json()) as { id: string };
  };
  const project = (await post('/projects', { name: 'P' })).id;
  const sid = (await post(`/chats?project_id=${project}`, {})).id;
  await post(`/chats?project_id=${project}`, {});
  using live = streamOf(`${server.url.replace('http', 'ws')}/api/v1/chats/${sid}/stream`);
  await live.send({ type: 'message', content: 'Work' });
  await expect.poll(() => live.frames.at(-1)?.type).toBe('end');

  const metrics = await get('/metrics');
  const text = await metrics.text();
  expect([metrics.status, metrics.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  for (const line of [
    'corral_sessions{status="completed"} 1',
    'corral_sessions{status="pending"} 1',
    'corral_runs_total{status="completed"} 1',
    'corral_events_total{type="run.end"} 1',
    'corral_events_total{type="message.user"} 1',
    'corral_streams_open{transport="websocket"} 1',
    'corral_http_requests_total{method="POST",route="/api/v1/chats",status="201"} 2',
    'corral_http_request_duration_seconds_count{method="POST",route="/api/v1/chats"} 2',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(text).toMatch(/^process_resident_memory_bytes \d/m);
  for (const id of [sid, project]) expect(text).not.toContain(id);

  const health = await get('/health/detailed');
  expect([health.status, await health.json()]).toEqual([
    200,
    {
      status: 'healthy',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      version: packageJson.version,
      uptime_seconds: expect.any(Number),
      checks: {
        storage: { status: 'healthy' },
        sandbox: {
          status: 'healthy',
          driver: 'memory',
          pause: 'memory',
          noServices: 'its sandboxes are a fake',
          noVolumes: 'its sandboxes are a fake',
        },
        model: { status: 'healthy', name: 'demo' },
      },
      sessions: { total: 2, running: 0, waiting: 0 },
    },
  ]);
});
