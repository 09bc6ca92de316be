import { SessionId } from '../../../core/model/ids.ts';

// Ids are version 8 UUIDs made up of the session's id (64 bits), the kind (5 bits) and the event's seq (53 bits).

const kinds = ['action', 'result', 'reply', 'error'] as const;
type Kind = (typeof kinds)[number];

export interface LogPosition {
  readonly session: SessionId;
  readonly seq: number;
}

export function derivePositionId(kind: Kind, { session, seq }: LogPosition): string {
  const bits = (BigInt(`0x${session}`) << 58n) | (BigInt(kinds.indexOf(kind)) << 53n) | BigInt(seq);
  const hex = (value: bigint, digits: number) => value.toString(16).padStart(digits, '0');
  const head = hex(bits >> 74n, 12);
  const middle = hex((bits >> 62n) & 0xfffn, 3);
  const tail = hex((2n << 62n) | (bits & ((1n << 62n) - 1n)), 16);
  return `${head.slice(0, 8)}-${head.slice(8)}-8${middle}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

export function parsePositionId(kind: Kind, id: string): LogPosition | undefined {
  const [, a = '', b = '', middle = '', c = '', d = ''] =
    /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})$/.exec(id) ?? [];
  if (a === '') return undefined;
  const low = BigInt(`0x${c}${d}`) & ((1n << 62n) - 1n);
  const bits = (BigInt(`0x${a}${b}`) << 74n) | (BigInt(`0x${middle}`) << 62n) | low;
  if (Number((bits >> 53n) & 0x1fn) !== kinds.indexOf(kind)) return undefined;
  const session = SessionId.parse((bits >> 58n).toString(16).padStart(16, '0'));
  return { session, seq: Number(bits & ((1n << 53n) - 1n)) };
}
