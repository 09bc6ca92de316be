import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../src/observability/metrics.ts';

const seriesOf = (text: string, series: string) =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1),
  );

describe('metrics', () => {
  test('carry the names of the wire contract', async () => {
    const metrics = createMetrics();
    metrics.countSessions(async () => ({ running: 2, completed: 1 }));
    metrics.event('message.user');
    metrics.event('message.user');
    metrics.runEnded('stopped');
    metrics.httpRequest({ method: 'GET', route: '/api/v1/sessions/:id', status: 200, seconds: 0.02 });
    using _open = metrics.streamOpened('sse');
    const text = await metrics.text();
    expect(seriesOf(text, 'corral_sessions{status="running"}')).toBe(2);
    expect(seriesOf(text, 'corral_runs_total{status="stopped"}')).toBe(1);
    expect(seriesOf(text, 'corral_events_total{type="message.user"}')).toBe(2);
    expect(seriesOf(text, 'corral_streams_open{transport="sse"}')).toBe(1);
    expect(seriesOf(text, 'corral_http_requests_total{method="GET",route="/api/v1/sessions/:id",status="200"}')).toBe(
      1,
    );
    const bucket = 'corral_http_request_duration_seconds_bucket{le="0.025",method="GET",route="/api/v1/sessions/:id"}';
    expect(seriesOf(text, bucket)).toBe(1);
    expect(seriesOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test('a status that no session has any more is not reported again', async () => {
    const counts = [{ running: 1 }, { completed: 1 }];
    const metrics = createMetrics();
    metrics.countSessions(async () => counts.shift() ?? {});
    expect(await metrics.text()).toContain('corral_sessions{status="running"} 1');
    expect(await metrics.text()).not.toContain('corral_sessions{status="running"}');
  });

  test('a store that does not answer hides its own metric only', async () => {
    const metrics = createMetrics();
    metrics.countSessions(() => Promise.reject(new Error('down')));
    metrics.event('plan');
    expect(await metrics.text()).toContain('corral_events_total{type="plan"} 1');
  });

  test('a stream that is closed twice was open once', async () => {
    const metrics = createMetrics();
    const stream = metrics.streamOpened('websocket');
    stream[Symbol.dispose]();
    stream[Symbol.dispose]();
    expect(seriesOf(await metrics.text(), 'corral_streams_open{transport="websocket"}')).toBe(0);
  });
});
