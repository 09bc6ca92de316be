import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex } from 'node:stream';
import { createPipeFrameReader, toPipeFrames } from '../../../src/core/text/pipe-frames.ts';

export interface PipedProgram {
  readonly exitCode: number | undefined;
  /** Resolves once the program's exit code has been sent to a reader. */
  readonly delivered: Promise<void>;
  /** Ends the previous reader's stream. Output waits in the pipes while there is no reader. */
  attach(): Duplex;
  interrupt(): void;
  release(): void;
}

/** How long background processes may keep an ended program's pipes open without output. */
const lingerMs = 500;
const signals: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };
export const toExitCode = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + ((signal && signals[signal]) ?? 1);

export function toPipedProgram(child: ChildProcessWithoutNullStreams, touch: () => void): PipedProgram {
  const { stdin, stdout, stderr } = child;
  const outputs = [
    ['output', stdout],
    ['errors', stderr],
  ] as const;
  const delivered = Promise.withResolvers<void>();
  let exitCode: number | undefined;
  let reader: Duplex | undefined;
  /** True while the reader accepts no bytes. Silence then does not mean that the output has ended. */
  let isHeld = false;
  let brokenPipe: Duplex | undefined;
  let linger: NodeJS.Timeout | undefined;

  const pause = () => outputs.forEach(([, stream]) => void stream.pause());
  const resume = () => outputs.forEach(([, stream]) => void stream.resume());
  const release = () => outputs.forEach(([, stream]) => void stream.destroy());
  const settle = () => {
    const to = reader;
    if (exitCode === undefined || !to || to === brokenPipe || to.destroyed) return;
    if (outputs.every(([, stream]) => stream.closed)) {
      brokenPipe = to; // both pipes may be closed before either emits `close`; end the stream only once
      to.push(toPipeFrames('end', Buffer.from(JSON.stringify({ exitCode }))));
      to.push(null);
      delivered.resolve();
    } else {
      clearTimeout(linger);
      linger = setTimeout(() => (isHeld ? settle() : release()), lingerMs);
    }
  };

  for (const [channel, stream] of outputs) {
    stream.on('data', (chunk: Buffer) => {
      if (!reader) {
        // Node resumes a child's pipes on exit, even without a reader.
        stream.pause();
        return void stream.unshift(chunk);
      }
      touch();
      linger?.refresh();
      if (reader.push(toPipeFrames(channel, chunk))) return;
      isHeld = true;
      pause();
    });
    stream.on('error', () => {});
    stream.once('close', settle);
  }
  pause();
  stdin.on('error', () => {});
  child.once('exit', (code, signal) => {
    exitCode = toExitCode(code, signal);
    settle();
  });

  function attach(): Duplex {
    reader?.destroy();
    const frames = createPipeFrameReader();
    const created: Duplex = new Duplex({
      read() {
        isHeld = false;
        resume();
      },
      write(chunk: Buffer, _encoding, done) {
        let full = false;
        for (const { channel, payload } of frames.push(chunk)) {
          if (channel !== 'input') continue;
          if (payload.length === 0) stdin.end();
          else if (stdin.writable) full = !stdin.write(payload);
        }
        if (full) onceEither(stdin, done);
        else done();
      },
      final: (done) => {
        created.destroy();
        done();
      },
      destroy(error, done) {
        if (reader === created) {
          reader = undefined;
          pause();
        }
        done(error);
      },
    });
    created.on('error', () => {});
    reader = created;
    isHeld = true;
    settle();
    return created;
  }

  return {
    get exitCode() {
      return exitCode;
    },
    delivered: delivered.promise,
    attach,
    interrupt() {
      try {
        process.kill(-(child.pid ?? 0), 'SIGINT');
      } catch {} // the program has just ended
    },
    release,
  };
}

function onceEither(stream: NodeJS.WritableStream, done: () => void): void {
  const go = () => {
    stream.off('drain', go).off('close', go);
    done();
  };
  stream.once('drain', go).once('close', go);
}
