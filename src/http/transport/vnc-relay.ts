import type { RawData } from 'ws';
import { toAppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { parseJson } from '../../core/text/json.ts';
import type { DesktopService, DesktopStreamEndReason, DesktopViewer } from '../../sessions/api/desktop.ts';
import { PressedInputTracker, RfbClientParser, RfbError, type RfbMessage, withKeysym } from './rfb.ts';
import { type ClientSocket, closeCodes } from './ws-socket.ts';

/** The display's stream pauses while at least this many bytes are queued for the viewer. */
const maxWaiting = 1024 * 1024;
const maxFrameBytes = 2 * 1024 * 1024;

export interface VncRelayRequest {
  readonly sessionId: SessionId;
  readonly mayControl: boolean;
  readonly viewerId?: string;
  /** Whether text frames report and change who has control. */
  readonly talks: boolean;
}
export interface VncRelayDeps {
  readonly desktop: DesktopService;
  readonly clipboard: boolean;
}

const endings: Readonly<Record<DesktopStreamEndReason, readonly [number, string]>> = {
  left: [closeCodes.normal, ''],
  restarted: [closeCodes.restarted, 'The display ended and is restarting: connect again'],
  stopped: [closeCodes.normal, 'The desktop was stopped'],
  sandbox_gone: [closeCodes.tryAgain, 'The sandbox ended unexpectedly: connect again'],
  session_deleted: [closeCodes.sessionDeleted, 'Session deleted'],
};

export async function relayVnc(socket: ClientSocket, relayRequest: VncRelayRequest, deps: VncRelayDeps): Promise<void> {
  const { connection } = socket;
  let relay: Relay | undefined;
  connection.on('message', (data: RawData, isBinary) => {
    if (connection.leaving.aborted) return;
    if (relay) relay.take(data as Buffer, isBinary);
    else socket.close(closeCodes.protocolError, 'In RFB the server speaks first');
  });
  const left = Promise.withResolvers<undefined>();
  const leave = () => left.resolve(undefined);
  socket.closed.addEventListener('abort', leave, { once: true });
  if (socket.closed.aborted) leave();
  const { sessionId, mayControl, viewerId, talks } = relayRequest;
  try {
    const viewerOptions = {
      mayControl,
      ...(viewerId !== undefined && { viewerId }),
      onControl: () => relay?.controlMoved(),
    };
    await using viewer = await deps.desktop.watch(sessionId, viewerOptions, socket.closed);
    relay = new Relay(socket, viewer, { clipboard: deps.clipboard, talks, mayControl });
    relay.run();
    const end = await Promise.race([viewer.ended, left.promise]);
    if (end) socket.close(...endings[end]);
  } catch (thrown) {
    // The close code is the same for temporarily and permanently missing desktops; the reason differs.
    const error = toAppError(thrown);
    const isAbsent = error.code === 'unsupported' || error.code === 'sandbox_not_found';
    if (isAbsent) socket.close(closeCodes.failed, error.publicMessage);
    else socket.fail(error);
  } finally {
    connection.resume(); // the close frame may be waiting behind unread frames
  }
}

interface Rights {
  readonly clipboard: boolean;
  readonly talks: boolean;
  readonly mayControl: boolean;
}

class Relay {
  readonly #socket: ClientSocket;
  readonly #viewer: DesktopViewer;
  readonly #rights: Rights;
  readonly #parser = new RfbClientParser();
  readonly #input: DisplayInputQueue;
  #isFull = false;
  #drives = false;

  constructor(socket: ClientSocket, viewer: DesktopViewer, rights: Rights) {
    this.#socket = socket;
    this.#viewer = viewer;
    this.#rights = rights;
    this.#input = new DisplayInputQueue({
      write: (bytes) => this.#write(bytes),
      type: (keysyms) => this.#type(keysyms),
      onFull: (isFull) => {
        this.#isFull = isFull;
        this.#readOn();
      },
    });
  }

  run(): void {
    const { connection } = this.#socket;
    const { stream } = this.#viewer;
    stream.on('data', (chunk: Buffer) => {
      connection.send(chunk);
      if (connection.bufferedAmount >= maxWaiting || connection.readyState !== connection.OPEN) stream.pause();
    });
    const flushed = connection.onFlushed(() => {
      if (stream.isPaused() && connection.bufferedAmount < maxWaiting) stream.resume();
    });
    connection.once('close', () => flushed[Symbol.dispose]());
    stream.on('drain', () => this.#readOn());
    this.#drives = this.#viewer.driver === this.#viewer.id;
    this.#sendControl();
  }

  take(data: Buffer, isBinary: boolean): void {
    if (isBinary) this.#pass(data);
    else this.#handleText(data);
  }

  controlMoved(): void {
    const drives = this.#viewer.driver === this.#viewer.id;
    if (this.#drives && !drives) this.#input.release();
    this.#drives = drives;
    this.#sendControl();
  }

  #pass(bytes: Buffer): void {
    let messages: RfbMessage[] = [];
    try {
      if (bytes.length > maxFrameBytes) throw new RfbError('A frame of more than 2 MiB.');
      messages = this.#parser.push(bytes);
    } catch (thrown) {
      const reason = thrown instanceof RfbError ? thrown.message : 'This cannot be read as RFB.';
      this.#socket.close(closeCodes.protocolError, reason);
    }
    const passed = messages.filter((message) => this.#passes(message));
    this.#write(Buffer.concat(passed.filter((message) => !isInput(message)).map((message) => message.bytes)));
    for (const message of passed) if (isInput(message)) this.#input.take(message);
  }

  #write(bytes: Buffer): void {
    const { stream } = this.#viewer;
    if (bytes.length === 0 || stream.destroyed) return;
    if (!stream.write(bytes)) this.#readOn();
  }

  #readOn(): void {
    const { connection } = this.#socket;
    if (this.#isFull || this.#viewer.stream.writableNeedDrain) connection.pause();
    else connection.resume();
  }

  async #type(keysyms: readonly number[]): Promise<void> {
    try {
      await this.#viewer.type(keysyms);
    } catch (thrown) {
      const error = toAppError(thrown);
      // An older daemon cannot type these characters, so they are sent as key events, which the display may lose.
      if (error.code === 'invalid_request') this.#write(encodeKeyEvents(keysyms));
      else this.#socket.fail(error);
    }
  }

  #passes(message: RfbMessage): boolean {
    switch (message.kind) {
      case 'setup':
        return true;
      case 'share':
        if (!this.#rights.mayControl) message.bytes[0] = 1; // a viewer without control must not disconnect the others
        return true;
      case 'press':
      case 'hands':
        return this.#viewer.uses(message.kind);
      case 'clipboard':
        return this.#rights.clipboard && this.#viewer.uses('hands');
      case 'resize':
        return this.#viewer.uses('hands');
    }
  }

  #handleText(text: Buffer): void {
    const type = this.#rights.talks ? parseType(text) : undefined;
    if (type === 'take') this.#viewer.take();
    else if (type === 'give') this.#viewer.giveBack();
    else this.#socket.close(closeCodes.notUnderstood, 'Only binary frames are accepted');
    this.#sendControl();
  }

  #sendControl(): void {
    if (!this.#rights.talks) return;
    const { driver, id } = this.#viewer;
    const who = driver === undefined ? 'nobody' : driver === id ? 'you' : 'another';
    const { mayControl, clipboard } = this.#rights;
    this.#socket.sendJson({ type: 'control', who, viewer: id, mayControl, clipboard });
  }
}

const isInput = ({ kind }: RfbMessage) => kind === 'press' || kind === 'hands' || kind === 'clipboard';

const messageLimits = { maxBytes: 1_000, maxDepth: 8, maxValues: 100 };
function parseType(text: Buffer): unknown {
  const message = parseJson(text, messageLimits);
  return message.ok ? (message.value as { type?: unknown } | null)?.type : undefined;
}

// Displays lose the first press of a character that their keyboard lacks, so the daemon types such characters.

interface Outlet {
  write(bytes: Buffer): void;
  type(keysyms: readonly number[]): Promise<void>;
  onFull(isFull: boolean): void;
}
const maxTyped = 500; // characters per `type` call
const maxHeldMessages = 2_000;

export class DisplayInputQueue {
  readonly #outlet: Outlet;
  readonly #held = new PressedInputTracker();
  #waiting: (Buffer | number)[] = [];
  #isSending = false;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Only for messages that the viewer may send. */
  take(message: RfbMessage): void {
    const keysym = readKeysym(message);
    const latin = this.#held.hasModifier() ? toLatinKeysym(message.bytes) : undefined;
    if (keysym === undefined || !isTyped(keysym)) this.#pass(message);
    else if (latin !== undefined) this.#pass(withKeysym(message, latin));
    else if (message.kind === 'press') this.#wait(keysym);
  }

  release(): void {
    this.#waiting = [];
    this.#outlet.write(this.#held.release());
  }

  #pass(message: RfbMessage): void {
    this.#held.note(message);
    if (this.#isSending) this.#wait(message.bytes);
    else this.#outlet.write(message.bytes);
  }

  #wait(item: Buffer | number): void {
    if (this.#waiting.push(item) === maxHeldMessages) this.#outlet.onFull(true);
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      const end = this.#waiting.findIndex((item, at) => typeof item !== typeof first || at === maxTyped);
      const batch = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
      if (typeof first === 'number') await this.#outlet.type(batch as number[]);
      else this.#outlet.write(Buffer.concat(batch as Buffer[]));
    }
    this.#isSending = false;
    this.#outlet.onFull(false);
  }
}

const encodeKeyEvents = (keysyms: readonly number[]): Buffer =>
  Buffer.concat(
    keysyms.flatMap((keysym) =>
      [1, 0].map(
        (down) => withKeysym({ kind: 'press', bytes: Buffer.from([4, down, 0, 0, 0, 0, 0, 0]) }, keysym).bytes,
      ),
    ),
  );

function readKeysym({ kind, bytes }: RfbMessage): number | undefined {
  const isKey = (kind === 'press' || kind === 'hands') && (bytes[0] === 4 || bytes[0] === 255);
  return isKey ? bytes.readUInt32BE(4) : undefined;
}
const isTyped = (keysym: number) =>
  (keysym >= 0xa0 && keysym <= 0x20ff) || (keysym >= 0x01000000 && keysym <= 0x0110ffff);

/** Rows of keys on a US keyboard, each with the scancode of its first key. */
const rows: readonly (readonly [number, string])[] = [
  [0x02, '1234567890-='],
  [0x10, 'qwertyuiop[]'],
  [0x1e, "asdfghjkl;'`"],
  [0x2b, '\\zxcvbnm,./'],
];
/** On a Russian keyboard, Ctrl+C means the physical C key. */
function toLatinKeysym(bytes: Buffer): number | undefined {
  if (bytes[0] !== 255) return undefined;
  const scancode = bytes.readUInt32BE(8);
  return rows.map(([from, row]) => row.charCodeAt(scancode - from)).find((code) => code >= 0);
}
