import type { FetchLike } from '@modelcontextprotocol/client';
import { combineSignals, createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { RemoteToolServer } from '../../core/model/tool-server.ts';
import { McpConnection } from './connection.ts';
import { createHttpTransport } from './http-transport.ts';
import type { McpTool } from './server.ts';

export interface ToolServerCheckResult {
  readonly ok: boolean;
  readonly tools: readonly McpTool[];
  readonly message: string;
  readonly wantsAccess: boolean;
}
interface Deps {
  readonly fetch: FetchLike;
  readonly clock: Clock;
}
const checkMs = 20_000;

/** Rejects with forbidden if `fetch` refuses the address, for example because it is private. */
export async function checkToolServer(
  server: RemoteToolServer,
  { fetch, clock }: Deps,
  signal: AbortSignal,
): Promise<ToolServerCheckResult> {
  using until = createTimeoutSignal(checkMs, clock, signal);
  let wantsAccess = false;
  let forbidden: AppError | undefined;
  const ask: FetchLike = async (url, init) => {
    const either = init?.signal ? combineSignals([init.signal, until.signal]) : until.signal;
    const response = await fetch(url, { ...init, signal: either }).catch((thrown: unknown) => {
      if (thrown instanceof AppError && thrown.code === 'forbidden') forbidden = thrown;
      throw thrown;
    });
    if (response.status === 401) wantsAccess = true;
    return response;
  };
  const connection = new McpConnection(server, () => createHttpTransport(server, ask), clock);
  try {
    const tools = await connection.tools(until.signal);
    return { ok: true, tools, message: '', wantsAccess: false };
  } catch (thrown) {
    signal.throwIfAborted();
    if (forbidden) throw forbidden;
    const message = until.signal.aborted
      ? `The tool server ${server.name} did not answer within ${checkMs / 1_000} s.`
      : toAppError(thrown).publicMessage;
    return { ok: false, tools: [], message: wantsAccess ? refused(server) : message, wantsAccess };
  } finally {
    await connection.close();
  }
}

const refused = ({ name, token, headers }: RemoteToolServer): string => {
  const value = token ? 'the sign-in' : Object.keys(headers).length > 0 ? 'its headers' : 'a request without a key';
  return `The tool server ${name} rejected ${value} (401).`;
};
