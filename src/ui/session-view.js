import { byId } from './dom.js';
import { showPlan, showStep } from './panels.js';
import { Timeline } from './timeline.js';

const againMs = 1_000;

/** The selected session: follows its log from the start and resumes after a lost connection. */
export class SessionView {
  #line;
  #files;
  #desktop;
  #onGone;
  #timeline = new Timeline(byId('timeline'), byId('scroll'), (callId, word) =>
    this.#line().once(`runs.${word}`, { sessionId: this.id, callId }),
  );
  #leave = () => {};
  #seq = 0;
  #plan = [];
  #status = 'none';

  constructor({ line, files, desktop, onGone }) {
    this.#line = line;
    this.#files = files;
    this.#desktop = desktop;
    this.#onGone = onGone;
  }

  id;

  /** `undefined`: no session; the page waits for a first message. */
  show(id) {
    this.#leave();
    this.id = id;
    this.#reset();
    this.#desktop.open(id);
    void this.#files.open(id).catch(() => {});
    document.body.toggleAttribute('data-empty', id === undefined);
    byId('delete').hidden = id === undefined;
    if (id === undefined) this.describe({ title: '', status: 'none' });
    else this.#follow(id);
  }

  /** Shows title and status from the list of sessions. */
  describe({ title, lastTask, status }) {
    const name = title || lastTask || 'New session';
    byId('title').textContent = name;
    document.title = this.id === undefined ? 'Corral' : `${name} · Corral`;
    const chip = byId('status');
    chip.hidden = status === 'none' || status === 'pending';
    chip.dataset.status = status;
    chip.textContent = { running: 'working', waiting: 'waits for you', completed: 'finished' }[status] ?? status;
    byId('stop').hidden = status !== 'running' && status !== 'waiting';
    byId('composer').classList.toggle('answering', status === 'waiting');
    byId('message').placeholder =
      { running: 'Steer the agent', waiting: 'Your answer', completed: 'Ask for more' }[status] ??
      'Give the agent a task';
    if (this.#status === 'running' && status === 'completed') this.#files.changed();
    this.#status = status;
  }

  #follow(id) {
    this.#leave = this.#line().subscribe(
      'events.subscribe',
      () => ({ sessionId: id, lastEventId: String(this.#seq) }),
      {
        onData: (event) => this.#take(event),
        onEnd: () => this.#onGone(id),
        onError: ({ retryable }) => this.#refused(id, retryable),
      },
    );
  }

  /** A missing session is final. After a temporary failure (such as a busy store) the view waits and catches up. */
  #refused(id, retryable) {
    if (!retryable) return this.#onGone(id);
    const timer = setTimeout(() => this.#follow(id), againMs);
    this.#leave = () => clearTimeout(timer);
    return undefined;
  }

  #take(event) {
    if (event.type === 'resync') {
      // The log no longer has the events needed: shows the remaining ones from the start.
      this.show(this.id);
      return;
    }
    this.#seq = event.seq;
    if (event.type === 'plan') this.#plan = event.data.steps;
    if (event.type === 'step') this.#plan = showStep(this.#plan, event.data);
    if (event.type === 'plan' || event.type === 'step') showPlan(this.#plan);
    if (event.type === 'tool.called' && ['shell', 'file'].includes(event.data.tool)) this.#files.changed();
    if (event.type === 'desktop' || event.type === 'sandbox.phase') this.#desktop.changed();
    this.#timeline.add(event);
  }

  #reset() {
    this.#seq = 0;
    this.#plan = [];
    this.#timeline.clear();
    showPlan([]);
  }
}
