import { byId, el } from './dom.js';

/**
 * The pane with the session's desktop: shows a running one and offers to start a stopped one. Opening the pane starts
 * nothing.
 */
export class DesktopPanel {
  #root = byId('desktop');
  #line;
  #session;
  #shown;
  #timer;

  constructor(line) {
    this.#line = line;
  }

  open(session) {
    clearTimeout(this.#timer);
    this.#session = session;
    this.#shown = undefined;
    if (session) void this.#look();
    else this.#say('The desktop of a session appears here.');
  }

  /** Call this on each `desktop` or sandbox event of the session; reading a log brings many at once. */
  changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), 300);
  }

  async #look() {
    const session = this.#session;
    if (!session) return;
    const { state } = await this.#line()
      .query('desktop.status', { sessionId: session })
      .catch(() => ({ state: 'unsupported' }));
    if (session !== this.#session || state === this.#shown) return;
    this.#shown = state;
    if (state === 'unsupported') this.#say('No desktop in this sandbox');
    else if (state === 'stopped') this.#offer(session);
    else this.#embed(session);
  }

  #embed(session) {
    const src = `/sessions/${session}/desktop`;
    this.#root.classList.add('live');
    this.#root.replaceChildren(
      el('iframe', { src, title: 'The desktop, to watch' }),
      el('a', { href: src, className: 'button' }, 'Open the desktop'),
    );
  }

  #offer(session) {
    const start = async () => {
      this.#say('Starting the desktop…');
      this.#shown = undefined;
      await this.#line()
        .repeatable('desktop.start', { sessionId: session })
        .catch((error) => session === this.#session && this.#say(error.message));
      this.changed();
    };
    this.#say('The desktop is not running.');
    this.#root.append(el('button', { type: 'button', className: 'button', onclick: start }, 'Start the desktop'));
  }

  #say(text) {
    this.#root.classList.remove('live');
    this.#root.replaceChildren(el('p', {}, text));
  }
}
