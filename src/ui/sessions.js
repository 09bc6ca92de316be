import { byId, el } from './dom.js';

/** The sessions of all dialects, newest message first; the server keeps the list up to date. */
export class Sessions {
  #all = new Map();
  #current;
  #onChange;
  #drawing = false;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  get = (id) => this.#all.get(id);

  /** Each connection starts with the whole list again. */
  reset() {
    this.#all.clear();
  }

  take({ type, session }) {
    if (type === 'deleted') this.#all.delete(session.id);
    else this.#all.set(session.id, session);
    this.#onChange(type, session);
    this.#drawSoon();
  }

  select(id) {
    this.#current = id;
    this.#drawSoon();
  }

  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw() {
    const newestFirst = [...this.#all.values()].sort((a, b) => b.latestMessageAt.localeCompare(a.latestMessageAt));
    const focused = document.activeElement?.closest?.('#sessions a')?.hash;
    byId('sessions').replaceChildren(...newestFirst.map((session) => this.#item(session)));
    if (focused)
      byId('sessions')
        .querySelector(`a[href="${CSS.escape(focused)}"], a[href="${focused}"]`)
        ?.focus();
  }

  #item({ id, title, lastTask, status, unread, latestMessageAt }) {
    const isCurrent = id === this.#current;
    const name = title || lastTask || 'New session';
    return el(
      'li',
      {},
      el(
        'a',
        { href: `#${id}`, 'data-status': status, 'aria-current': isCurrent ? 'page' : undefined },
        el('span', { className: 'dot', role: 'img', 'aria-label': status }),
        el(
          'span',
          { className: 'words' },
          el('span', { className: 'name' }, name),
          el('span', { className: 'when' }, when(new Date(latestMessageAt))),
        ),
        unread > 0 && !isCurrent ? el('span', { className: 'unread', 'aria-label': `${unread} unread` }, unread) : null,
      ),
    );
  }
}

function when(date) {
  const today = new Date().toDateString() === date.toDateString();
  const options = today ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' };
  return date.toLocaleString(undefined, options);
}
