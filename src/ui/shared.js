// Shows the session of a link. The link's secret stands behind the #, which browsers send to no server.

const node = (id) => document.getElementById(id);

function make(tag, text, ...children) {
  const made = document.createElement(tag);
  made.append(...(text === undefined ? [] : [text]), ...children);
  return made;
}

const message = (who, text) => make('article', undefined, make('h2', who), make('p', text));
const marks = { pending: '○', running: '◐', completed: '●', failed: '✕' };

let steps = [];
function showSteps() {
  node('plan').replaceChildren(
    ...steps.map(({ status, description }) => make('li', `${marks[status]} ${description}`)),
  );
}

function show({ type, data }) {
  if (type === 'message.user') node('messages').append(message('User', data.text));
  else if (type === 'message.assistant') node('messages').append(message('Agent', data.text));
  else if (type === 'run.error') node('messages').append(message('Error', data.error));
  else if (type === 'plan') steps = data.steps;
  else if (type === 'step') steps = steps.map((step) => (step.id === data.id ? data : step));
}

async function load(token, after = 0) {
  const answer = await fetch('/api/v1/shared', { method: 'POST', body: JSON.stringify({ token, after }) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? said.msg ?? 'This link shows nothing.');
  for (const event of said.events) show(event);
  showSteps();
  const title = said.session.title || 'A shared session';
  node('title').textContent = title;
  document.title = title;
  node('about').textContent = `Read-only. The link works until ${new Date(said.expiresAt).toLocaleString()}.`;
  if (said.after < said.head) await load(token, said.after);
}

load(location.hash.slice(1)).catch((error) => {
  node('about').textContent = error.message;
});
