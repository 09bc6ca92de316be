import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { tryListFolder, tryReadLink, tryReadText } from '../files/read-if-any.ts';
import type { ProcessStat } from './proc.ts';

// Determines from the blocking system call whether a process is waiting for input.

const calls: Readonly<Record<string, Readonly<Record<number, 'read' | 'poll' | 'select' | 'epoll'>>>> = {
  x64: {
    0: 'read',
    19: 'read',
    7: 'poll',
    271: 'poll',
    23: 'select',
    270: 'select',
    232: 'epoll',
    281: 'epoll',
    441: 'epoll',
  },
  arm64: { 63: 'read', 65: 'read', 73: 'poll', 72: 'select', 22: 'epoll', 441: 'epoll' },
};

export interface InputProbe {
  readonly members: readonly ProcessStat[];
  /** Link target of the keeper's standard input. Undefined if it is a terminal. */
  readonly pipe: string | undefined;
  readonly hasOpenLine: boolean;
}

/** On a terminal, only foreground processes are considered. */
export const awaitsInput = ({ members, pipe, hasOpenLine }: InputProbe): boolean =>
  members.some(({ pid }) => {
    if (pipe === undefined && !isInForeground(pid)) return false;
    const isInput = (fd: number) => {
      const to = tryReadLink(`/proc/${pid}/fd/${fd}`);
      return pipe === undefined ? /^\/dev\/(tty|pts\/\d+|console)$/.test(to ?? '') : to === pipe;
    };
    const threads = tryListFolder(`/proc/${pid}/task`).slice(0, 64);
    const blocked = threads.map((thread) => tryReadText(`/proc/${pid}/task/${thread}/syscall`));
    // The kernel hides the system calls of another user's program, such as sudo.
    if (blocked.every((call) => call === undefined)) return hasOpenLine && sleeps(pid);
    return blocked.some((call) => call !== undefined && waitsOn(pid, call, isInput));
  });

/** `call`: the text of a /proc `syscall` file, which is a decimal number and hexadecimal arguments, or `running`. */
function waitsOn(pid: number, call: string, isInput: (fd: number) => boolean): boolean {
  const [number, ...args] = call.trim().split(' ');
  const kind = calls[process.arch]?.[Number(number)];
  const [first = 0, second = 0] = args.map(Number);
  if (kind === 'read') return isInput(first);
  if (kind === 'epoll') return watchedBy(pid, first).some(isInput);
  if (kind === 'poll') return polled(pid, args[0], second).some(isInput);
  return kind === 'select' && selected(pid, args[1], first).some(isInput);
}

function watchedBy(pid: number, fd: number): number[] {
  const info = tryReadText(`/proc/${pid}/fdinfo/${fd}`) ?? '';
  return info.split('\n').flatMap((line) => {
    const [, target, events] = /^tfd:\s*(\d+)\s+events:\s*([0-9a-f]+)/.exec(line) ?? [];
    return target !== undefined && events !== undefined && (Number.parseInt(events, 16) & 1) === 1
      ? [Number(target)]
      : [];
  });
}

function polled(pid: number, address: string | undefined, count: number): number[] {
  const bytes = readMemory(pid, address, 8 * Math.min(count, 256));
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, at) => at * 8).flatMap((at) =>
    (bytes.readUInt16LE(at + 4) & 1) === 1 ? [bytes.readInt32LE(at)] : [],
  );
}

function selected(pid: number, address: string | undefined, count: number): number[] {
  const bytes = readMemory(pid, address, Math.ceil(Math.min(count, 1_024) / 8));
  return Array.from({ length: bytes.length * 8 }, (_, fd) => fd).filter(
    (fd) => ((bytes[fd >> 3] ?? 0) >> (fd & 7)) & 1,
  );
}

function readMemory(pid: number, address: string | undefined, length: number): Buffer {
  if (address === undefined || /^0x0*$/.test(address) || length <= 0 || endianness() !== 'LE') return Buffer.alloc(0);
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/mem`, 'r');
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, BigInt(address)));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function fieldsOf(pid: number): string[] {
  const stat = tryReadText(`/proc/${pid}/stat`) ?? '';
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
function isInForeground(pid: number): boolean {
  const [, , group, , , foreground] = fieldsOf(pid);
  return group !== undefined && group === foreground;
}
const sleeps = (pid: number): boolean => fieldsOf(pid)[0] === 'S';
