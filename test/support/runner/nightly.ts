import type { TestContext } from 'vitest';

/** Whether to run tests that take minutes, or that stop components which other tests use. */
export const isNightly = process.env.TEST_NIGHTLY === '1';

/** Whole files of such tests. Each says what an ordinary run has in its place. */
export const nightlyFiles = [
  'test/unit/simulation/second-thousand.test.ts', // the first thousand
  'test/contract/drivers/docker-driver.test.ts', // process-driver: the same suite; docker-faults and session-on/docker
  'test/contract/drivers/docker-desktop.test.ts', // process-desktop: the same desktop, in a process
  'test/contract/drivers/docker-neighbours-runsc.test.ts', // docker-neighbours: the same tests under runc
  'test/e2e/acp/real-agents.test.ts', // acp/run: an agent that speaks the same protocol
  'test/e2e/automations/cron-library.test.ts', // unit/automations/schedule: both clock changes, at chosen times
  'test/e2e/automations/exactly-once.test.ts', // unit/automations: two schedulers on one store start each delivery once
  'test/e2e/chaos/docker.test.ts',
  'test/e2e/chaos/mongo.test.ts',
  'test/e2e/chaos/process.test.ts',
  'test/e2e/chaos/storm.test.ts', // the simulation's first thousand, and e2e/faults with one fault at a time
  'test/e2e/client/templates.test.ts', // unit/sessions/builds, unit/cli/context-archive: the same, in parts
  'test/e2e/deploy/compose.test.ts', // unit/deploy: what the compose file says
  'test/e2e/desktop/auto.test.ts', // unit/drivers: the state of an image that is being built
  'test/e2e/e2b/volumes.test.ts', // unit/facades/e2b/volumes: the same wire, over storage in memory
  'test/e2e/e2b/templates.test.ts', // unit/sessions/builds: the same steps; e2b/wire: what the SDKs send
  'test/e2e/e2b/harbor.test.ts', // e2b/wire: builds and files as the SDK sends them; e2b/templates
  'test/e2e/e2b/sdk.test.ts', // e2b/wire: what the SDKs send
  'test/e2e/escapes/docker-builds.test.ts', // unit/sessions/builds and unit/drivers/build-body: the limits, one by one
  'test/e2e/escapes/docker-runsc.test.ts',
  'test/e2e/escapes/docker-services.test.ts', // contract/drivers/docker-services: the walls of a service's container
  'test/e2e/escapes/docker.test.ts', // escapes/process: the same attempts; the walls of Docker in docker-neighbours
  'test/e2e/facades/schemathesis.test.ts', // http/bad-input: requests of the same kinds, chosen by hand
  'test/e2e/faults/crash-points.test.ts', // unit/simulation: kills at every step of the same machines; faults/restart: a real server
  'test/e2e/faults/mongo.test.ts', // contract/store/mongo-faults: the same outages below a store
  'test/e2e/faults/sandboxes/damaged-files.test.ts', // unit/sessions/manifests: what a damaged file is compared with
  'test/e2e/faults/sandboxes/engine.test.ts', // contract/drivers/docker-faults: an engine that hangs, restarts and pauses
  'test/e2e/faults/sandboxes/killed-starting.test.ts', // unit/simulation: kills while a sandbox starts
  'test/e2e/faults/sandboxes/noise.test.ts', // unit/observability: limits of log lines; hostile-sandbox: a server stays small
  'test/e2e/faults/sandboxes/output.test.ts', // the same output in test/contract/sandboxd-faults
  'test/e2e/faults/sandboxes/pause.test.ts', // e2e/e2b/wire: the same pauses; contract/drivers: what each driver keeps
  'test/e2e/faults/sandboxes/pause-storm.test.ts', // unit/simulation: idle sandboxes and work at the same time
  'test/e2e/hostile/whole-server.test.ts', // faults/hostile-sandbox: garbage from the first answer on
  'test/e2e/managed-agents/deployments.test.ts', // unit/facades and unit/automations: the same routes and starts
  'test/e2e/managed-agents/kills.test.ts', // replicas/two-servers, and managed-agents/sdk: a call that waits
  'test/e2e/managed-agents/languages.test.ts', // managed-agents/sdk and webhooks: the same steps in the other language
  'test/e2e/managed-agents/memory.test.ts', // managed-agents/sdk: a program of the same SDK
  'test/e2e/managed-agents/skills.test.ts', // managed-agents/sdk: a program of the same SDK; unit/facades: the same routes
  'test/e2e/managed-agents/vaults.test.ts', // unit/sessions/vaults, and managed-agents/sdk: programs of the same SDK
  'test/e2e/managed-agents/worker-memory.test.ts', // managed-agents/queue-requests: the same requests of a worker
  'test/e2e/mcp-server/recipe.test.ts', // mcp-server/session: the same program and calls
  'test/e2e/replicas/blocked.test.ts', // unit/simulation/two-servers: a late owner writes nothing
  'test/e2e/replicas/chaos.test.ts', // the other files of replicas
  'test/e2e/replicas/stopped.test.ts', // unit/simulation/two-servers: a late owner writes nothing
  'test/e2e/replicas/settings-mongo.test.ts', // runs/changed-settings: the same change at two servers of one store in memory
  'test/e2e/replicas/docker.test.ts', // replicas/two-servers: the same move between servers
  'test/e2e/repositories/folders.test.ts', // unit/sessions/repositories: what is copied of a folder, and which folders
  'test/e2e/repositories/hostile-tree.test.ts', // repositories/repositories and checkpoints: settings, hooks and filters of a tree
  'test/e2e/repositories/prepared.test.ts', // repositories/ready-workspaces: prepared files, and a changed lock file
  'test/e2e/repositories/pull-requests.test.ts', // repositories/whole-way: from a repository to a pull request
  'test/e2e/repositories/services.test.ts', // unit/sessions/repositories/allowed-services: what is allowed, and what it ends
  'test/e2e/repositories/submodules.test.ts', // unit/sessions/repositories: what a fetch remarks
  'test/e2e/session-on/volumes.test.ts', // unit/sessions/volumes and contract/drivers/process-driver: the same, in parts
  'test/e2e/session-on/services.test.ts', // contract/drivers/docker-services: the same services, below the server
  'test/e2e/ui/built-templates.test.ts', // unit/sessions/builds: what the page shows; client/templates: the same builds
  'test/e2e/ui/attempts.test.ts', // runs/attempts: the same over the API
  'test/e2e/ui/conversation.test.ts', // ui/checklist, ui/page: a person goes through the same views
  'test/e2e/ui/scale.test.ts', // ui/checklist: the same list, with few sessions
  'test/e2e/workspace/packages.test.ts', // templates: packages from the same registries
  'test/e2e/runs/killed-delegation.test.ts', // runs/delegation: one kill, and the same budget without one
  'test/e2e/runs/skill-folders.test.ts', // runs/skills: one skill; unit/sessions/skills: what is wrong with broken ones
  'test/e2e/managed-agents/budgets.test.ts', // unit/facades/managed-agents/budget, unit/sessions/run/allowance
  'test/e2e/managed-agents/threads.test.ts', // unit/facades/managed-agents/threads: the same events of the same logs
];

/**
 * The rows of a matrix that every run tries: the first ones, where other rows show the same behaviour of ours again. A nightly
 * run tries all.
 */
export const firstOrAll = <Row>(rows: readonly Row[], ordinary = 1): readonly Row[] =>
  isNightly ? rows : rows.slice(0, ordinary);

/** Skips the test with a reason, except in a nightly run. */
export function onlyNightly(context: TestContext, why: string): void {
  if (!isNightly) context.skip(`${why}: with TEST_NIGHTLY=1`);
}
