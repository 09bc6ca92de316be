import { AppError } from '../../../src/core/errors/errors.ts';
import type { ProgramClient, ProgramPipes, ProgramSpec } from '../../../src/sandboxes/client/client.ts';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
}
export interface FakeProgram {
  print(text: string): Promise<void>;
  complain(text: string): Promise<void>;
  exit(exitCode: number): void;
  /** Ends the program as if the sandbox had ended. */
  lose(): void;
}
export type Serve = (message: Message, program: FakeProgram) => void;

/** Programs that answer each line of their input with a function. */
export function fakePrograms(
  serve: Serve,
): ProgramClient & { readonly started: ProgramSpec[]; readonly sent: Message[] } {
  const started: ProgramSpec[] = [];
  const sent: Message[] = [];
  const running = new Map<string, (exitCode: number) => void>();
  const missing = () => new AppError('not_found', 'There is no such program.');
  return {
    started,
    sent,
    async open(program) {
      started.push(program);
      return { id: program.id, pid: 1, startedAt: 1 };
    },
    list: async () => [],
    async attach(id, reader): Promise<ProgramPipes> {
      const over = Promise.withResolvers<{ exitCode: number }>();
      over.promise.catch(() => {});
      const program: FakeProgram = {
        print: async (text) => void (await reader.onOutput(Buffer.from(text))),
        complain: async (text) => void (await reader.onErrors(Buffer.from(text))),
        exit: (exitCode) => over.resolve({ exitCode }),
        lose: () => over.reject(new AppError('sandbox_lost', 'The connection is gone.')),
      };
      running.set(id, program.exit);
      return {
        ended: over.promise,
        async write(bytes) {
          for (const line of Buffer.from(bytes).toString().split('\n').filter(Boolean)) {
            const message = JSON.parse(line) as Message;
            sent.push(message);
            serve(message, program);
          }
        },
        endInput: () => {},
        detach: () => over.reject(new AppError('sandbox_lost', 'detached')),
      };
    },
    signal: async () => {},
    async close(id) {
      if (!running.delete(id)) throw missing();
    },
  };
}

export const answerTo = ({ id }: Message, result: unknown): string =>
  `${JSON.stringify({ result, jsonrpc: '2.0', id })}\n`;

/** A tool server: the tools it lists, and how it answers a call. */
export function toolServer(
  tools: readonly { readonly name: string; readonly description?: string; readonly inputSchema?: object }[],
  onCall: Serve = (message, program) =>
    void program.print(answerTo(message, { content: [{ type: 'text', text: JSON.stringify(message.params) }] })),
): Serve {
  return (message, program) => {
    if (message.method === 'initialize') {
      const result = {
        protocolVersion: message.params?.protocolVersion,
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 'fake', version: '1' },
      };
      void program.print(answerTo(message, result));
    } else if (message.method === 'tools/list') {
      const list = tools.map((tool) => ({ inputSchema: { type: 'object' }, ...tool }));
      void program.print(answerTo(message, { tools: list }));
    } else if (message.method === 'tools/call') onCall(message, program);
  };
}
