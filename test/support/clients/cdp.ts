import type { Duplex } from 'node:stream';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: {
    readonly sessionId?: string;
    readonly targetInfo?: { readonly type: string; readonly url: string };
  };
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** A client of Chromium's protocol on its debugging pipe, without a library. */
export function cdp(stream: Duplex) {
  const waiting = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  const events: Message[] = [];
  let rest = '';
  let lastId = 0;
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  stream.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const message = JSON.parse(Buffer.from(part, 'latin1').toString()) as Message;
      const requested = waiting.get(message.id ?? 0);
      if (!requested) events.push(message);
      else if (message.error) requested.reject(new Error(message.error.message));
      else requested.resolve(message.result ?? {});
    }
  });
  const ask = (method: string, params: object = {}, sessionId?: string) => {
    const arrived = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    waiting.set(++lastId, arrived);
    stream.write(`${JSON.stringify({ id: lastId, method, params, sessionId })}\0`);
    return arrived.promise;
  };
  return {
    ask,
    events,
    closed,
    isClosed: () => stream.destroyed,
    /** Opens a page and returns a function that evaluates code in it. */
    async page(url: string) {
      const { targetId } = await ask('Target.createTarget', { url });
      const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
      return {
        ask: (method: string, params: object = {}) => ask(method, params, sessionId as string),
        async evaluate(expression: string) {
          const { result } = await ask('Runtime.evaluate', { expression, returnByValue: true }, sessionId as string);
          return (result as { value?: unknown }).value;
        },
      };
    },
    async urls(): Promise<string[]> {
      const { targetInfos } = await ask('Target.getTargets');
      const pages = (targetInfos as { type: string; url: string }[]).filter(({ type }) => type === 'page');
      return pages.map(({ url }) => url);
    },
  };
}
