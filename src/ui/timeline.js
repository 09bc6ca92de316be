import { ApprovalCard } from './approval.js';
import { el, mark, setMark } from './dom.js';
import { markdown } from './markdown.js';
import { ToolCard } from './tools.js';

// Shows a session's events, in the order of the log.

export class Timeline {
  #root;
  #scroller;
  #texts = new Map(); // message id → its node and its text so far
  #calls = new Map(); // call id → its card
  #steps = new Map(); // step id → its row, of the active run
  #question;
  #approval; // the card of a call that waits for permission
  #decide;
  #startedAt = 0;
  #redraw = new Set();

  /**
   * `decide(callId, 'approve' | 'reject')` resolves when the decision counts and rejects when another person decided first.
   */
  constructor(root, scroller, decide) {
    this.#decide = decide;
    this.#root = root;
    this.#scroller = scroller;
  }

  clear() {
    for (const known of [this.#texts, this.#calls, this.#steps]) known.clear();
    this.#question = undefined;
    this.#approval = undefined;
    this.#root.replaceChildren();
  }

  add(event) {
    const take = this.#takers[event.type];
    if (!take) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const follows = scrollHeight - scrollTop - clientHeight < 80;
    take(event);
    if (follows || event.type === 'message.user') this.toEnd();
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #takers = {
    'message.user': ({ data: { text } }) => {
      this.#settle();
      this.#root.append(el('div', { className: 'said user' }, ...markdown(text)));
    },
    'run.started': ({ ts }) => {
      this.#startedAt = ts;
      this.#steps.clear();
    },
    'message.delta': ({ data: { messageId, text } }) => {
      const message = this.#texts.get(messageId) ?? this.#newText(messageId);
      message.text += text;
      this.#drawSoon(messageId);
    },
    'message.assistant': ({ data: { messageId, text } }) => {
      const message = this.#texts.get(messageId) ?? this.#newText(messageId);
      message.text = text;
      message.node.classList.remove('typing');
      this.#draw(messageId);
      this.#texts.delete(messageId);
    },
    step: ({ data: { id, description, status } }) => {
      const row = this.#steps.get(id);
      if (row) return setMark(row, status);
      if (status === 'pending') return undefined;
      const node = el('div', { className: 'step', 'data-status': status }, mark(status), description);
      this.#steps.set(id, node);
      this.#root.append(node);
      return undefined;
    },
    'tool.calling': ({ data }) => {
      if (data.tool === 'message') return; // its text is a message of its own
      for (const card of this.#calls.values()) card.fold();
      const card = new ToolCard(data);
      this.#calls.set(data.callId, card);
      this.#root.append(card.node);
    },
    'tool.output': ({ data: { callId, text } }) => this.#calls.get(callId)?.print(text),
    'tool.called': ({ data }) => this.#calls.get(data.callId)?.finish(data),
    'approval.requested': ({ data }) => {
      this.#approval = new ApprovalCard(data, this.#decide);
      this.#root.append(this.#approval.node);
    },
    'approval.resolved': ({ data: { decision, by } }) => {
      this.#approval?.settle(decision, by);
      this.#approval = undefined;
    },
    'run.wait': ({ data: { reason, spent } }) => {
      if (this.#approval) return; // the card of the call shows this already
      const used = reason === 'budget' && spent ? ` So far: ${spendingText(spent)}.` : '';
      this.#question = el('div', { className: 'note' }, `The agent waits for your answer.${used}`);
      this.#root.append(this.#question);
    },
    'run.resumed': () => this.#settle(),
    'run.notice': ({ data: { detail } }) => void this.#root.append(el('p', { className: 'aside' }, detail)),
    usage: ({ data: { thoughts } }) => {
      if (thoughts) this.#root.append(unfolding('What the model thought', thoughts));
    },
    'context.compacted': ({ data }) => void this.#root.append(compacted(data)),
    'run.error': ({ data: { error } }) =>
      void this.#root.append(el('div', { className: 'note bad', role: 'alert' }, error)),
    'run.end': ({ data: { status, reason }, ts }) => {
      this.#settle();
      this.#approval?.settle('gone');
      this.#approval = undefined;
      const words = { completed: 'Done', failed: 'Failed', stopped: 'Stopped' };
      const told = reason === 'superseded' ? 'Replaced by your next message' : words[status];
      const took = this.#startedAt > 0 ? ` in ${duration(ts - this.#startedAt)}` : '';
      this.#root.append(el('div', { className: 'ended' }, status === 'completed' ? `${told}${took}` : told));
    },
    egress: ({ data: { host, port, decision, rule } }) => {
      if (decision !== 'refused') return;
      const text = `The sandbox was not allowed to connect to ${host}:${port} (${rule}).`;
      this.#root.append(el('p', { className: 'aside' }, text));
    },
    'sandbox.phase': ({ data: { phase, detail } }) => {
      if (phase === 'lost') this.#root.append(el('p', { className: 'aside' }, detail ?? 'The sandbox was lost.'));
    },
  };

  #settle() {
    this.#question?.remove();
    this.#question = undefined;
  }

  #newText(messageId) {
    const node = el('div', { className: 'said assistant typing' });
    const message = { node, text: '' };
    this.#texts.set(messageId, message);
    this.#root.append(node);
    return message;
  }

  /** Deltas arrive twenty times a second; one drawing per frame is enough. */
  #drawSoon(messageId) {
    if (this.#redraw.has(messageId)) return;
    this.#redraw.add(messageId);
    requestAnimationFrame(() => {
      this.#redraw.delete(messageId);
      this.#draw(messageId);
    });
  }

  #draw(messageId) {
    const message = this.#texts.get(messageId);
    message?.node.replaceChildren(...markdown(message.text));
  }
}

const shortened = {
  results: 'Older results were left out of what the model sees.',
  pictures: 'Older pictures were left out of what the model sees.',
  summary: 'The model goes on with a summary of the conversation so far.',
  cut: 'The model goes on with a short extract of the conversation so far.',
};

/** A line that unfolds into the summary. Everything that was shortened stays above it, as it was. */
function compacted({ kind, before, after, summary }) {
  const head = `${shortened[kind]} About ${before} tokens became ${after}.`;
  if (!summary) return el('p', { className: 'aside' }, head);
  return unfolding(head, summary);
}

const unfolding = (head, text) =>
  el('details', { className: 'aside unfolding' }, el('summary', {}, head), el('div', {}, ...markdown(text)));

function duration(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const spendingText = ({ turns, tokens, cost }) =>
  `${turns} turns, ${tokens.toLocaleString('en')} tokens${cost > 0 ? `, cost ${cost.toFixed(4)}` : ''}`;
