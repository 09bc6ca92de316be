// The page is built here from nodes and text: no text from outside is ever parsed as HTML.

/** Creates an element with properties, attributes (`data-…`, `aria-…`) and children; strings become text. */
export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined) continue;
    if (key.includes('-')) node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** The status mark next to steps and tool calls; its text is for screen readers. */
export function mark(status) {
  const signs = { completed: '✓', failed: '✕' };
  return el('span', { className: 'mark', role: 'img', 'aria-label': status }, signs[status] ?? '');
}

export function setMark(node, status) {
  node.dataset.status = status;
  node.querySelector('.mark').replaceWith(mark(status));
}
