// A WebSocket for noVNC that keeps text frames from it: those are messages between the page and the relay.

export class Channel {
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  #socket;

  constructor(url, protocols, { onText, onClosed }) {
    this.#socket = new WebSocket(url, protocols);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = (event) => this.onopen?.(event);
    this.#socket.onerror = (event) => this.onerror?.(event);
    this.#socket.onmessage = (event) => {
      if (typeof event.data === 'string') onText(JSON.parse(event.data));
      else this.onmessage?.(event);
    };
    this.#socket.onclose = (event) => {
      this.onclose?.(event);
      onClosed(event);
    };
  }

  get binaryType() {
    return this.#socket.binaryType;
  }
  set binaryType(type) {
    this.#socket.binaryType = type;
  }
  get protocol() {
    return this.#socket.protocol;
  }
  get readyState() {
    return this.#socket.readyState;
  }
  get bufferedAmount() {
    return this.#socket.bufferedAmount;
  }
  send(data) {
    this.#socket.send(data);
  }
  say(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
  close(code, reason) {
    this.#socket.close(code, reason);
  }
}
