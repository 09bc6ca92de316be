import type { ProgramEvent } from './careful-program.ts';

// Rules that the events of a whole turn with one command and one tool of the program meet. Each violation is a sentence.

/** Each call has one answer and one result, the program's result was taken once, and the model has read that one. */
export function wrongCounts(events: readonly ProgramEvent[], n: number): string[] {
  const of = (type: string) => events.filter((event) => event.type === type);
  const problems: string[] = [];
  const expectOne = (what: string, found: readonly unknown[]) => {
    if (found.length !== 1) problems.push(`${found.length} times ${what}`);
  };
  expectOne('user.message', of('user.message'));
  expectOne('agent.custom_tool_use', of('agent.custom_tool_use'));
  for (const { id } of of('agent.custom_tool_use'))
    expectOne(
      `the result of ${id}`,
      of('user.custom_tool_result').filter((one) => one.custom_tool_use_id === id),
    );
  for (const { id } of of('agent.tool_use'))
    for (const type of ['user.tool_confirmation', 'agent.tool_result'])
      expectOne(
        `${type} of ${id}`,
        of(type).filter((one) => one.tool_use_id === id),
      );
  if (of('session.error').length > 0) problems.push(JSON.stringify(of('session.error')));
  const [{ content } = { content: [] }] = of('user.custom_tool_result');
  const said = of('agent.message').at(-1)?.content[0].text ?? '';
  const weather = said.match(/rain-\d+-\d+/g) ?? [];
  if (weather.length !== 1 || weather[0] !== content[0]?.text || !said.includes(`ran-${n}`))
    problems.push(`the agent said ${said} after ${JSON.stringify(content)}`);
  return problems;
}

/** The order of a turn, as the contract has it. */
export function wrongOrder(events: readonly ProgramEvent[]): string[] {
  const problems: string[] = [];
  const ids = events.map(({ id }) => id);
  if (new Set(ids).size < ids.length) problems.push('an event is there twice');
  if (events[0]?.type !== 'user.message') problems.push(`${events[0]?.type} comes first`);
  const open = { request: '', messages: 0 };
  let status = 'idle';
  for (const [n, event] of events.entries()) {
    const before = ids.slice(0, n);
    const needed = event.custom_tool_use_id ?? event.tool_use_id;
    if (needed !== undefined && !before.includes(needed)) problems.push(`${event.type} comes before its call`);
    const [previous, second] = [events[n - 1]?.type, events[n - 2]?.type];
    switch (event.type) {
      case 'span.model_request_start':
        if (open.request !== '') problems.push(`a request begins within another one (${n})`);
        open.request = event.id;
        open.messages = 0;
        break;
      case 'agent.message':
        open.messages += 1;
        if (open.request === '' || open.messages > 1) problems.push(`message ${open.messages} of a request (${n})`);
        break;
      case 'span.model_request_end':
        if (open.request !== event.model_request_start_id) problems.push(`the end of another request (${n})`);
        open.request = '';
        break;
      case 'session.status_running':
        if (status === 'running') problems.push(`running twice (${n})`);
        status = 'running';
        break;
      case 'session.status_idle':
        if (previous !== 'session.usage' || second !== 'session.thread_status_idle')
          problems.push(`${second}, ${previous} come before idle (${n})`);
        status = 'idle';
        break;
      case 'agent.tool_result':
        if (status !== 'running') problems.push(`a result while idle (${n})`);
        break;
      default:
    }
  }
  if (status !== 'idle' || open.request !== '') problems.push('the turn has no end');
  return problems;
}
