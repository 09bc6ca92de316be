// @module-tag all
// A stand-in for the daemon inside a real sandbox answers the calls for a stream with garbage, as fast as it can.
import { describe, expect, test } from 'vitest';
import { createPipeTransport } from '../../src/agents/browser/connection.ts';
import type { ProtocolViolationReason } from '../../src/core/model/events.ts';
import { findProtocolViolation } from '../../src/core/model/protocol-violation.ts';
import type { SandboxClient } from '../../src/sandboxes/client/client.ts';
import { healthyBut, hostileStreams } from '../support/hostile/hostile-daemon.ts';
import { hostileSandbox } from '../support/hostile/hostile-sandbox.ts';
import { hasBubblewrap } from '../support/servers/process.ts';

type Ask = (client: SandboxClient, signal: AbortSignal, onPiece?: () => void) => Promise<unknown>;
type Kind = keyof typeof hostileStreams;
/** A flood at full speed has many more. */
const enough = 100; // pieces

const follow: Ask = (client, signal, onPiece = () => {}) => client.follow('o', 0, onPiece, signal);
const terminal: Ask = (client, signal, onPiece = () => {}) => client.terminals.read('t', { onBytes: onPiece }, signal);
const screen: Ask = async (client, signal, onPiece) => {
  const stream = await client.desktop.vnc(signal);
  if (onPiece) stream.on('data', onPiece).on('error', () => {});
};
/** Resolves with the reason why the browser's connection ended. */
const browser: Ask = async (client, signal, onPiece = () => {}) => {
  const transport = createPipeTransport(await client.desktop.cdp(signal), client.desktop);
  const over = Promise.withResolvers<string>();
  transport.onmessage = onPiece;
  transport.onclose = (why) => over.resolve(`${why}`);
  signal.addEventListener('abort', () => transport.close(), { once: true });
  return await over.promise;
};

describe.skipIf(!(await hasBubblewrap()))('a hostile stream from a real sandbox', () => {
  test.each<[Kind, Ask, ProtocolViolationReason]>([
    ['output without end', follow, 'too_large'],
    ['an end that is no operation', follow, 'wrong_shape'],
    ['an end without end', follow, 'bad_headers'],
    ['the end of a terminal that none has', terminal, 'wrong_shape'],
    ['an end without end', terminal, 'bad_headers'],
    ['no message', browser, 'bad_frame'],
    ['a message of another shape', browser, 'bad_frame'],
    ['messages of another shape without end', browser, 'bad_frame'],
    ['no display', screen, 'bad_frame'],
  ])('%s ends the trust (%#)', async (kind, ask, reason) => {
    await using sandbox = await hostileSandbox(healthyBut(hostileStreams[kind]));
    await using link = await sandbox.attach();
    const { client } = link;
    await ask(client, AbortSignal.timeout(60_000)).catch(() => {});
    expect(client.trust.broken.aborted).toBe(true);
    expect(findProtocolViolation(client.trust.broken.reason)).toMatchObject({ reason });
  });

  test.each<Kind>(['a message without end', 'a message as deep as it is long'])(
    "%s ends the browser's connection, for an honest browser can be made to send it",
    async (kind) => {
      await using sandbox = await hostileSandbox(healthyBut(hostileStreams[kind]));
      await using link = await sandbox.attach();
      expect(await browser(link.client, AbortSignal.timeout(60_000))).toMatch(/exceeds the limit/);
      expect(link.client.trust.broken.aborted).toBe(false);
    },
  );

  test.each<[Kind, Ask]>([
    ['output in chunks of one byte', follow], // it would take minutes to reach the limit
    ['output without end', terminal],
    ['output in chunks of one byte', terminal],
    ['messages without end', browser],
    ['pixels without end', screen],
  ])('%s breaks no rule, and its reader can leave (%#)', async (kind, ask) => {
    await using sandbox = await hostileSandbox(healthyBut(hostileStreams[kind]));
    await using link = await sandbox.attach();
    const over = new AbortController();
    const flooded = Promise.withResolvers<void>();
    let pieces = 0;
    const onPiece = () => void (++pieces === enough && flooded.resolve());
    const pending = ask(link.client, over.signal, onPiece).catch(() => {});
    await flooded.promise;
    over.abort();
    await pending;
    expect(link.client.trust.broken.aborted).toBe(false);
  });
});
