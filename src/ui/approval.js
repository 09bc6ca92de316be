import { el } from './dom.js';

// The card of a call that waits for permission: what it would do, and two buttons.

const words = {
  approved: 'Approved',
  rejected: 'Rejected',
  questioned: 'Not made yet: you asked about it',
  expired: 'Not approved in time',
  gone: 'Not decided',
};

export class ApprovalCard {
  #answer;

  constructor({ callId, function: name, args, expiresAt, reason }, decide) {
    const button = (word, label, kind) =>
      el(
        'button',
        { type: 'button', className: `button ${kind}`, onclick: () => this.#ask(decide, callId, word) },
        label,
      );
    this.#answer = el(
      'div',
      { className: 'choices' },
      button('reject', 'Reject', ''),
      button('approve', 'Approve', 'primary'),
    );
    const told = typeof args.command === 'string' ? args.command : JSON.stringify(args, null, 2);
    const until = new Date(expiresAt).toLocaleTimeString();
    this.node = el(
      'section',
      { className: 'note approval', 'aria-label': 'Approval' },
      el('div', {}, `The agent wants to call ${name}. It waits until ${until}.`),
      el('pre', { className: 'console', tabIndex: 0 }, told),
      ...(reason ? [el('div', {}, `The provider of the model wants a person to decide: ${reason}`)] : []),
      this.#answer,
    );
  }

  settle(decision, by) {
    const who = by && by !== 'user' && by !== 'timeout' ? ` by ${by}` : '';
    this.#answer.replaceWith(el('div', { className: 'quiet' }, `${words[decision] ?? decision}${who}.`));
  }

  async #ask(decide, callId, word) {
    const buttons = [...this.#answer.children];
    for (const one of buttons) one.disabled = true;
    try {
      await decide(callId, word);
    } catch {
      // Another person decided first, which the log reports soon; or the request failed, and can be repeated.
      for (const one of buttons) one.disabled = false;
    }
  }
}
