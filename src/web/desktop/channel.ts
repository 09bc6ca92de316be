/** Text frame of the relay: who controls keyboard and mouse, and what this viewer can do. */
export interface ControlNotice {
  readonly type: 'control';
  readonly who: 'you' | 'another' | 'nobody';
  readonly mayControl: boolean;
  readonly clipboard: boolean;
}

interface Listeners {
  readonly onNotice: (notice: ControlNotice) => void;
  readonly onClosed: (event: CloseEvent) => void;
}

/** A WebSocket for noVNC that hides the text frames, which are messages between the page and the relay. */
export class ControlChannel {
  // Set by noVNC.
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readonly #socket: WebSocket;

  constructor(url: string, protocols: readonly string[], { onNotice, onClosed }: Listeners) {
    this.#socket = new WebSocket(url, [...protocols]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = (event) => this.onopen?.(event);
    this.#socket.onerror = (event) => this.onerror?.(event);
    this.#socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      if (typeof event.data !== 'string') return this.onmessage?.(event);
      const message = JSON.parse(event.data) as { readonly type: string };
      if (message.type === 'control') onNotice(message as ControlNotice);
    };
    this.#socket.onclose = (event) => {
      this.onclose?.(event);
      onClosed(event);
    };
  }

  get binaryType(): BinaryType {
    return this.#socket.binaryType;
  }
  set binaryType(type: BinaryType) {
    this.#socket.binaryType = type;
  }
  get protocol(): string {
    return this.#socket.protocol;
  }
  get readyState(): number {
    return this.#socket.readyState;
  }
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }
  send(data: ArrayBuffer): void {
    this.#socket.send(data);
  }
  say(type: 'take' | 'give'): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type }));
  }
  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }
}
