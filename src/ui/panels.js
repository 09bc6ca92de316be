import { byId, el, mark } from './dom.js';

/** Shows the current plan. */
export function showPlan(steps) {
  const items = steps.map(({ description, status }) =>
    el('li', { 'data-status': status }, mark(status), el('span', {}, description)),
  );
  byId('plan').replaceChildren(...items);
  byId('plan-empty').hidden = items.length > 0;
}

/** Updates a step that changes before the next plan arrives. */
export function showStep(plan, { id, status }) {
  return plan.map((step) => (step.id === id ? { ...step, status } : step));
}

/** The files, folder by folder. A listing starts a stopped sandbox, so the panel asks first. */
export class Files {
  #root = byId('files');
  #line;
  #session;
  #path = '.';
  #timer;

  constructor(line) {
    this.#line = line;
  }

  async open(session) {
    clearTimeout(this.#timer);
    this.#session = session;
    this.#path = '.';
    if (!session) return this.#say('The files of a session appear here.');
    this.#say('');
    return this.#look();
  }

  /** Lists the files again soon, once for many changes, because reading a log again reports old changes too. */
  changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look().catch(() => {}), 700);
  }

  async #look() {
    const session = this.#session;
    if (!session) return undefined;
    const { state } = await this.#line().query('sandbox.status', { sessionId: session });
    if (session !== this.#session) return undefined;
    if (state === 'running') return this.#load();
    const look = el('button', { type: 'button', className: 'button', onclick: () => this.#load() }, 'Show files');
    return this.#root.replaceChildren(el('p', { className: 'quiet' }, 'The sandbox is not running.'), look);
  }

  async #load() {
    const session = this.#session;
    const path = this.#path;
    if (!session) return;
    try {
      const { items } = await this.#line().query('files.list', { sessionId: session, path });
      if (session === this.#session && path === this.#path) this.#show(items);
    } catch (error) {
      if (session === this.#session) this.#say(error.message);
    }
  }

  #show(items) {
    const into = (name) => (this.#path === '.' ? name : `${this.#path}/${name}`);
    // Hides `.corral`, the agent's own data.
    const shown = items.filter(({ name }) => name !== '.corral').slice(0, 500);
    const rows = shown.map(({ name, type, size }) => {
      const isFolder = type === 'directory';
      const open = () => (isFolder ? this.#enter(into(name)) : this.#view(into(name)));
      const button = el('button', { type: 'button', onclick: open }, isFolder ? `${name}/` : name);
      return el('li', {}, button, el('span', { className: 'size' }, size === null ? '' : bytes(size)));
    });
    if (this.#path !== '.') {
      const up = this.#path.includes('/') ? this.#path.slice(0, this.#path.lastIndexOf('/')) : '.';
      const button = el('button', { type: 'button', onclick: () => this.#enter(up) }, '‹ back');
      rows.unshift(el('li', {}, button));
    }
    if (rows.length === 0) return this.#say('The workspace is empty.');
    this.#root.replaceChildren(el('ul', {}, ...rows));
  }

  #enter(path) {
    this.#path = path;
    void this.#load();
  }

  async #view(path) {
    const text = await this.#line()
      .query('files.read', { sessionId: this.#session, path })
      .then(
        ({ content }) => content,
        ({ message }) => message,
      );
    byId('viewer-title').textContent = path;
    byId('viewer-text').textContent = text;
    byId('viewer').showModal();
  }

  #say(text) {
    this.#root.replaceChildren(el('p', { className: 'quiet' }, text));
  }
}

function bytes(size) {
  if (size < 1_000) return `${size} B`;
  return size < 1_000_000 ? `${(size / 1_000).toFixed(1)} kB` : `${(size / 1_000_000).toFixed(1)} MB`;
}
