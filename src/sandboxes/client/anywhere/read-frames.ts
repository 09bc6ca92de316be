import type { Duplex } from 'node:stream';
import { AppError } from '../../../core/errors/errors.ts';
import { createPipeFrameReader, type PipeFrame } from '../../../core/text/pipe-frames.ts';
import type { JobOutputListener } from '../abilities.ts';
import type { DaemonResponse, DaemonResponseName } from '../answers/answers.ts';
import type { DaemonTrust } from '../answers/daemon-trust.ts';
import { validateDaemonResponse } from '../answers/validate-answer.ts';

interface Stream {
  readonly trust: DaemonTrust;
  readonly call: string;
}

export async function* readDaemonFrames(
  stream: Duplex,
  { trust, call }: Stream,
  lost: (cause?: unknown) => AppError,
): AsyncGenerator<PipeFrame> {
  const frames = createPipeFrameReader();
  const split = (chunk: Buffer) => {
    try {
      return frames.push(chunk);
    } catch (thrown) {
      throw trust.reportViolation({ reason: 'bad_frame', call, detail: (thrown as RangeError).message });
    }
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      yield* split(chunk);
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : lost(cause);
  }
  if (trust.broken.aborted) throw trust.broken.reason;
}

export function parseDaemonFrame<Name extends DaemonResponseName>(
  name: Name,
  payload: Buffer,
  { trust, call }: Stream,
): DaemonResponse<Name> {
  const validationResult = validateDaemonResponse(name, payload);
  if (validationResult.ok) return validationResult.value;
  throw trust.reportViolation({ reason: validationResult.reason, call, detail: validationResult.detail });
}

export function destroyWhenDistrusted(stream: Duplex, trust: DaemonTrust): void {
  const lose = () => void stream.destroy();
  trust.broken.addEventListener('abort', lose, { once: true });
  stream.once('close', () => trust.broken.removeEventListener('abort', lose));
}

export async function readProcessOutput<Name extends 'jobEnd' | 'programEnd'>(
  stream: Duplex,
  { onOutput, onErrors }: JobOutputListener,
  { name, lost, ...from }: Stream & { readonly name: Name; readonly lost: (cause?: unknown) => AppError },
): Promise<DaemonResponse<Name>> {
  for await (const { channel, payload } of readDaemonFrames(stream, from, lost)) {
    if (channel === 'output') await onOutput(payload);
    else if (channel === 'errors') await onErrors(payload);
    else if (channel === 'end') return parseDaemonFrame(name, payload, from);
    else throw from.trust.reportViolation({ reason: 'bad_frame', call: from.call, detail: 'a frame of the input' });
  }
  throw lost();
}
