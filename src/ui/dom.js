// Everything shown is made here, as nodes and text: nothing that came from outside is ever parsed as HTML.

/** An element with properties, attributes (`data-…`, `aria-…`) and children; strings become text. */
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

/** The mark beside steps and tool calls; what it says is for those who cannot see it. */
export function mark(status) {
  const signs = { completed: '✓', failed: '✕' };
  return el('span', { className: 'mark', role: 'img', 'aria-label': status }, signs[status] ?? '');
}

export function setMark(node, status) {
  node.dataset.status = status;
  node.querySelector('.mark').replaceWith(mark(status));
}
