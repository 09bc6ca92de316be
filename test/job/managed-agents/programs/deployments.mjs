// A program on the Anthropic SDK, unpatched, that has an agent work by itself. The step has the name and the results of that of
// deployments.py.
import { setTimeout as pause } from 'node:timers/promises';
import { agents, client, environments, listed, model, print, say, sessions, step, textsOf } from './steps.mjs';

const { deployments, deploymentRuns: runs } = client.beta;

async function until(look) {
  for (;;) {
    const found = await look();
    if (found) return found;
    await pause(200);
  }
}

await step('cron', async () => {
  const agent = await agents.create({ model, name: 'Reporter' });
  const environment = await environments.create({ name: 'plain' });
  const made = await deployments.create({
    name: 'each minute',
    agent: agent.id,
    environment_id: environment.id,
    initial_events: [say('Good morning.')],
    schedule: { type: 'cron', expression: '* * * * *', timezone: 'UTC' },
  });
  const own = { deployment_id: made.id, trigger_type: 'schedule' };
  const run = await until(async () => (await listed(runs.list(own)))[0]);
  await deployments.pause(made.id);
  const events = await until(async () => {
    const all = await listed(sessions.events.list(run.session_id));
    return all.at(-1)?.type === 'session.status_idle' && all;
  });
  const known = await deployments.retrieve(made.id);
  const session = await sessions.retrieve(run.session_id);
  return [
    [run.trigger_context.type, made.schedule.upcoming_runs_at.includes(run.trigger_context.scheduled_at), run.error],
    [session.deployment_id === made.id, textsOf(events, 'agent.message'), known.schedule.last_run_at !== null],
    [known.status, (await runs.retrieve(run.id)).session_id === session.id],
  ];
});
print();
