import type { FactOf } from '../../../../../core/model/events.ts';
import type { SessionId } from '../../../../../core/model/ids.ts';

type Args = Readonly<Record<string, unknown>>;
interface Delegation {
  readonly name: string;
  readonly args: Args;
}
export interface ChildMessage {
  readonly child: SessionId;
  readonly text: string;
}

/** Tracks delegation calls, which this API shows as threads and messages. */
export class DelegationTracker {
  readonly #open: Map<string, Delegation>;
  /** Sent to a child, but not yet in its log. */
  readonly #undelivered: ChildMessage[];

  constructor(from?: DelegationTracker) {
    this.#open = new Map(from ? from.#open : []);
    this.#undelivered = from ? [...from.#undelivered] : [];
  }
  copy(): DelegationTracker {
    return new DelegationTracker(this);
  }

  begin({ callId, function: name, args }: FactOf<'tool.calling'>['data']): boolean {
    if (!/^delegate(_|$)/.test(name)) return false;
    this.#open.set(callId, { name, args });
    if (name === 'delegate_send')
      this.#undelivered.push({ child: String(args.child) as SessionId, text: trimmed(args.text) });
    return true;
  }

  end({ callId, success }: FactOf<'tool.called'>['data']): ChildMessage | undefined {
    const call = this.#open.get(callId);
    this.#open.delete(callId);
    if (call?.name !== 'delegate_send' || !success) return undefined;
    return { child: String(call.args.child) as SessionId, text: trimmed(call.args.text) };
  }

  start({ callId, sessionId: child }: FactOf<'child.started'>['data']): ChildMessage & { readonly agent?: string } {
    const { args = {} } = this.#open.get(callId) ?? {};
    const text = trimmed(args.task);
    this.#undelivered.push({ child, text });
    const agent = args.agent ?? args.template;
    return { child, text, ...(typeof agent === 'string' && { agent }) };
  }

  /** Matches each message from the parent only once. */
  matchesText(child: SessionId, text: string): boolean {
    const at = this.#undelivered.findIndex((one) => one.child === child && one.text === text);
    if (at >= 0) this.#undelivered.splice(at, 1);
    return at >= 0;
  }

  get waiting(): readonly string[] {
    return [...this.#open].flatMap(([callId, call]) => (waits(call) ? [callId] : []));
  }
  clear(): void {
    this.#open.clear();
  }
}

const waits = ({ name, args }: Delegation): boolean =>
  (name === 'delegate' && args.wait !== false) || (name === 'delegate_check' && args.wait === true);
const trimmed = (text: unknown): string => (typeof text === 'string' ? text.trim() : '');
